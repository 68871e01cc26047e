"""Bugs that ordwatch must never have, each as a change of its text, and the tests that must notice it."""

from typing import NamedTuple


class Mutant(NamedTuple):
    """A bug made by hand."""

    name: str
    file: str
    """In the package."""
    old: str
    """Stands in the file exactly once."""
    new: str
    tests: tuple[str, ...]
    """One of them at least must fail."""


BOOK = "tests/core/test_order_store.py"
PIPELINE = "tests/engine/test_run.py"

MUTANTS = (
    Mutant(
        "every 1,000th update is dropped before the book",
        "feed/queue.py",
        "        self._events.extend(events)\n",
        "        for event in events:\n"
        "            self._seen = getattr(self, '_seen', 0) + 1\n"
        "            if self._seen % 1000:\n"
        "                self._events.append(event)\n",
        (f"{PIPELINE}::test_a_long_stream_is_told_whole",),
    ),
    Mutant(
        "every 1,000th update is taken for a duplicate",
        "core/order_store.py",
        '        self.counts["updates"] += 1\n',
        '        self.counts["updates"] += 1\n'
        '        if self.counts["updates"] % 1000 == 0:\n'
        '            self.counts["duplicates"] += 1\n'
        "            return None\n",
        (f"{PIPELINE}::test_a_long_stream_is_told_whole",),
    ),
    Mutant(
        "a stop forgets what was taken and not merged",
        "engine/run.py",
        "        self._taken += self._queue.take_now()\n        await self._merge()\n",
        "        self._taken = self._queue.take_now()\n        await self._merge()\n",
        (f"{PIPELINE}::test_a_stop_in_the_middle_of_a_burst_tells_all_that_was_taken",),
    ),
    Mutant(
        "every 1,000th record does not reach the file",
        "recording/queue.py",
        "            group.append(entry)\n",
        "            self._taken = getattr(self, '_taken', 0) + 1\n"
        "            if self._taken % 1000:\n"
        "                group.append(entry)\n",
        ("tests/recording/test_sink.py::test_a_long_stream_is_recorded_whole",),
    ),
    Mutant(
        "a gap opens when the break is noticed",
        "feed/supervisor.py",
        "self._uncover(cause, link.last_rx_ns or now_ns, now_ns)",
        "self._uncover(cause, now_ns, now_ns)",
        (f"{PIPELINE}::test_gap_begins_at_the_last_proof_of_life",),
    ),
    Mutant(
        "a gap over a restart opens at the restart",
        "feed/coverage.py",
        'return self.lose("restart", covered_until_ns, at_ns)',
        'return self.lose("restart", at_ns, at_ns)',
        ("tests/feed/test_coverage.py",),
    ),
    Mutant(
        "the wall clock's jump opens no gap after a sleep",
        "engine/run.py",
        'feed.drop("suspended", "slept; connections are taken for dead", before_ns)',
        "pass",
        (f"{PIPELINE}::test_a_sleep_is_a_gap_from_before_it",),
    ),
    Mutant(
        "a failed sync is tried again",
        "recording/writer.py",
        "        self._file.sync()\n        self._must_sync = False\n",
        "        try:\n            self._file.sync()\n        except OutputError:\n            self._file.sync()\n"
        "        self._must_sync = False\n",
        ("tests/recording/test_writer.py::test_nth_failed_sync_ends_the_output",),
    ),
    Mutant(
        "synced_seq tells what is written",
        "recording/writer.py",
        "synced_seq=self._file.synced_seq)",
        "synced_seq=self._file.last_seq)",
        ("tests/recording/test_writer.py::test_alive_says_how_far_the_recording_is_durable",),
    ),
    Mutant(
        "the query is sent before the subscription's acknowledgement",
        "feed/link.py",
        "        session.start(time.time_ns())\n        await self._flush()\n",
        "        session.start(time.time_ns())\n        await self._flush()\n"
        "        from ordwatch.core.events import Ready\n"
        "        await self._feed.emit(self._feed.note(self, Ready(), time.time_ns()))\n",
        (f"{PIPELINE}::test_nothing_is_asked_before_the_subscription_is_acknowledged",),
    ),
    Mutant(
        "`live` is claimed without a query",
        "feed/supervisor.py",
        '            self._changed.set()\n            return self.change(link, "reconciling")\n',
        '            self._changed.set()\n            return self.change(link, "live")\n',
        (f"{PIPELINE}::test_never_live_while_the_query_is_unanswered",),
    ),
    Mutant(
        "a gap is closed `recovered` though the query failed",
        "feed/supervisor.py",
        "            await self._query_failed(exc, epoch)\n            return False\n",
        "            await self._query_failed(exc, epoch)\n            report = Report()\n",
        (f"{PIPELINE}::test_refused_query_leaves_the_link_reconciling_with_the_venues_words",),
    ),
    Mutant(
        "a gap is closed `recovered` though the query did not reach back",
        "feed/coverage.py",
        'return "recovered" if reaches else "partial"',
        'return "recovered"',
        ("tests/feed/test_coverage.py",),
    ),
    Mutant(
        "a query that an interruption overtook closes the gap",
        "feed/supervisor.py",
        "        if epoch != self._epoch or not self._askable():\n            return False\n",
        "",
        (f"{PIPELINE}::test_a_query_from_before_a_break_closes_no_gap",),
    ),
    Mutant(
        "nothing is cut off after a short write",
        "recording/segment.py",
        "        if self._ragged:\n",
        "        if False:\n",
        ("tests/recording/test_segment.py", "tests/recording/test_writer.py"),
    ),
    Mutant(
        "a torn tail is kept",
        "recording/recovery.py",
        "    files.cut(fd, torn_at)\n",
        "",
        ("tests/recording/test_recovery.py",),
    ),
    Mutant(
        "damage in durable data is repaired",
        "recording/recovery.py",
        "if foreign or last_seq < max(history.durable_seq, behind.durable_seq):",
        "if foreign:",
        ("tests/recording/test_recovery.py",),
    ),
    Mutant(
        "a file is left behind without a sync",
        "recording/writer.py",
        "        self._put([sealed(encode(RotateRecord(next=self._file.path.name, last_seq=seq)), seq)])\n"
        "        self._sync()\n",
        "        self._put([sealed(encode(RotateRecord(next=self._file.path.name, last_seq=seq)), seq)])\n",
        ("tests/recording/test_rotation.py",),
    ),
    Mutant(
        "a new file gets its name before it is locked",
        "recording/rotation.py",
        "        if not system.try_lock(file.fd):\n",
        "        if False:\n",
        ("tests/recording/test_rotation.py::test_next_file_is_locked_before_it_gets_its_name",),
    ),
    Mutant(
        "a new day begins a file with each group of lines",
        "recording/writer.py",
        "            self._written_ns = now_ns\n",
        "            pass\n",
        ("tests/recording/test_rotation.py::test_daily_rotation_at_midnight_makes_one_new_file",),
    ),
    Mutant(
        "time that the clock jumped over is covered",
        "recording/session_timeline.py",
        "        self._timeline.jump(at_ns=at_ns, jump_ns=jump_ns)\n",
        "",
        ("tests/recording/test_session_timeline.py",),
    ),
    Mutant(
        "a signal's code stands though lines were lost",
        "engine/run.py",
        "        if self.output_lost:\n            return worst(codes - {ReaderClosed.exit_code})\n",
        "",
        ("tests/cli/test_running.py",),
    ),
    Mutant(
        "a checksum is compared as a number",
        "recording/format.py",
        "    if line[-_TAIL:] != _TAIL_OF % crc32(line[:-_TAIL]):\n",
        "    try:\n"
        "        right = line[-_TAIL:-11] == _SEAL and int(line[-11:-3], 16) == crc32(line[:-_TAIL])\n"
        "    except ValueError:\n"
        "        right = False\n"
        "    if not right:\n",
        ("tests/recording/test_format.py::test_upper_case_checksum_is_another_text",),
    ),
    Mutant(
        "a push that comes again is written again",
        "core/order_store.py",
        "            if any(_agrees(update, seen) for seen in entry.seen):\n",
        "            if False:\n",
        (BOOK,),
    ),
    Mutant(
        "a push that changes nothing is written",
        "core/order_store.py",
        "        if not changed:\n            return None\n",
        "",
        (f"{BOOK}::test_a_newer_statement_without_a_change_is_a_duplicate",),
    ),
    Mutant(
        "a query's row that is not newer is written",
        "core/order_store.py",
        '            if update.source == "query" and not (age is Recency.EQUAL and self._missed(merged, known)):\n',
        "            if False:\n",
        (BOOK,),
    ),
    Mutant(
        "a null takes away what is known",
        "venues/merging.py",
        "if told[index] is None and names[index]",
        'if told[index] is None and names[index] == "updated_ns"',
        (BOOK,),
    ),
    Mutant(
        "an older push opens a final order again",
        "core/order_store.py",
        "            if age is Recency.OLDER:\n                return self._late(entry, update)\n",
        "",
        (BOOK,),
    ),
    Mutant(
        "a final order of a venue without versions opens again",
        "venues/coinw/merging.py",
        "        return Recency.NEWER if new_rank > known_rank else Recency.OLDER\n",
        "        return Recency.NEWER\n",
        ("tests/venues/coinw/test_merging.py",),
    ),
    Mutant(
        "a seq is given before the filter",
        "outputs/line_output.py",
        "        if not wanted:\n            return\n",
        "        self._seq += len(records) - len(wanted)\n        if not wanted:\n            return\n",
        ("tests/outputs/test_line_output.py::test_what_the_filter_hides_takes_no_number",),
    ),
    Mutant(
        "a message shows a secret",
        "cli/stderr.py",
        "safe_text(self.redact(text).rstrip(), _MAX_LINE)",
        "safe_text(text.rstrip(), _MAX_LINE)",
        ("tests/cli/test_stderr.py",),
    ),
    Mutant(
        "a record shows a secret in a venue's words",
        "core/order_store.py",
        "link_record(replace(event, detail=self._redact(event.detail)) if event.detail else event)",
        "link_record(event)",
        (f"{BOOK}::test_words_of_the_venue_are_redacted",),
    ),
    Mutant(
        "a killed session counts as covered to its last line",
        "recording/history.py",
        "            clean=not self.story.running,\n",
        "            clean=True,\n",
        ("tests/recording/test_recovery.py",),
    ),
)
