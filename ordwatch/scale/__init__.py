"""More than one machine: recordings are published to a NATS JetStream stream, and followed from anywhere.

    tail --record a.jsonl --publish  --\\                          /--> follow
                                        >--  stream, replicated  ---->  follow --record all.jsonl
    tail --record b.jsonl --publish  --/

The stream is a set of recordings, one for each collector (a process that publishes): a collector's messages, ordered by
`seq`, are the lines of its recording, byte for byte. Nothing distributed is written here: no election, no consensus, no
broker. A collector's file is its buffer; the broker may be away for hours.

Between a line and the stream:
  subjects       under which subject a line is published, and how it is read
  messages       a line as a message: its id, its headers, and what is left out if it is too large
  nats_client    a connection to NATS, its JetStream requests, its errors as ours; the only module that imports nats
  credentials, nkeys  what proves to the server who we are
  stream_reader  reads the messages of a stream from a place in it on
  stream         makes the stream, and compares one that is there with what is needed
  stream_status  how its collectors are

Publishing:
  lines          the lines of a recording, read behind its writer
  publisher      decides which lines are sent, sent again, and published; pure
  restart        decides from what the stream holds where publishing goes on; pure
  publishing     carries out what these decide: connections, files, clocks
  outage         when it is reported that lines are not published
  published      a recording that is published, as one output
  take_back      fetches the lines that the stream has and a file lacks

Following:
  line_order     the lines of one collector in the order of their seq
  stream_clock   a collector's clock, read against the stream's
  collector      what one collector covered
  joint          what none of several collectors saw
  follower       merges what all collectors have published; pure
  following      carries it out: tasks, connections, clocks
"""
