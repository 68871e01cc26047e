"""More than one machine: recordings are published to a NATS JetStream stream, and followed from anywhere.

    tail --record a.jsonl --publish  --\\                          /--> follow
                                        >--  stream, replicated  ---->  follow --record all.jsonl
    tail --record b.jsonl --publish  --/

The stream is a set of recordings, one for each collector (a process that publishes): a collector's messages, ordered by
`seq`, are the lines of its recording, byte for byte. Nothing distributed is written here: no election, no consensus, no
broker. A collector's file is its buffer; the broker may be away for hours.

subjects     under which subject a line is published, and what a subject means
messages     a line as a message: its id, its headers, and what is left out if it is too large
nats_client  a connection to NATS, its JetStream requests, and its errors as ours; the only module that imports nats
publisher    decides which lines are sent, sent again, and published; pure
restart      decides from what the stream holds where publishing goes on; pure
lines        the lines of a recording, read behind its writer
publishing   carries out what publisher and restart decide: connections, files, clocks
take_back    fetches the lines that the stream has and a file has lost
stream       makes the stream, and compares one that is there with what is needed
"""
