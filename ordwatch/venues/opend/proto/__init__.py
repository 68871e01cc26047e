"""OpenD's messages as protobuf: ordwatch_opend.proto and what is generated from it.

To generate again, from the top of the repository, with the extra `proto` installed:

    P=ordwatch/venues/opend/proto
    python -m grpc_tools.protoc -I $P --python_out=$P --pyi_out=$P ordwatch_opend.proto

The generator must not be newer than the oldest protobuf we run with: generated code refuses an older runtime.
"""
