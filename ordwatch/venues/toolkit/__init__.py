"""What several venues need: tools, each a plain function or a small class. A venue takes those that fit.

addresses      which URLs the settings may name
amounts        exact arithmetic on decimals as text; an amount that is none becomes a `bad:KEY` flag
answers        REST answers in JSON with a code and a message, as errors of ours
lenient_json   JSON whose types are not to be trusted: every value as its exact text
parts          a query whose parts (pairs, markets) fail alone
pieces         long JSON messages, read piece by piece
push_session   the session of a stream whose address is the subscription
rejects        what of unreadable input is shown, without secrets
slices         long lists in slices, between which other tasks run
unknown_kinds  messages of unknown kinds, reported once each
"""
