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

    def applied(self, text: str) -> str:
        """The text of the file with the bug in it.

        Raises:
            ValueError: The file does not hold what is to be changed, or more than once.
        """
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: its text stands {text.count(self.old)} times in {self.file}")
        return text.replace(self.old, self.new)


STORE = "tests/core/test_order_store.py"
RUN = "tests/engine/test_run.py"
ENDING = "tests/engine/test_ending.py"
SUPERVISOR = "tests/engine/test_supervisor.py"
RUNNER = "tests/engine/test_runner.py"
CONNECTION = "tests/engine/test_connection.py"
TRANSPORT = "tests/engine/test_transport.py"
HTTP = "tests/engine/test_http.py"

MUTANTS = (
    Mutant(
        "every 1,000th update is dropped before the book",
        "engine/queue.py",
        "        self._events.extend(events)\n",
        "        for event in events:\n"
        "            self._seen = getattr(self, '_seen', 0) + 1\n"
        "            if self._seen % 1000:\n"
        "                self._events.append(event)\n",
        (f"{RUN}::test_a_long_stream_is_reported_whole",),
    ),
    Mutant(
        "every 1,000th update is taken for a duplicate",
        "core/order_store.py",
        '        self.counts["updates"] += 1\n',
        '        self.counts["updates"] += 1\n'
        '        if self.counts["updates"] % 1000 == 0:\n'
        '            self.counts["duplicates"] += 1\n'
        "            return None\n",
        (f"{RUN}::test_a_long_stream_is_reported_whole",),
    ),
    Mutant(
        "a stop forgets what was taken and not merged",
        "engine/run.py",
        "        self._taken += self._queue.take_now()\n        await self._merge()\n",
        "        self._taken = self._queue.take_now()\n        await self._merge()\n",
        (f"{RUN}::test_a_stop_in_the_middle_of_a_burst_tells_all_that_was_taken",),
    ),
    Mutant(
        "every 1,000th record does not reach the file",
        "outputs/writer_thread.py",
        "            size += self._size(group[-1])\n",
        "            size += self._size(group[-1])\n"
        "            self._taken = getattr(self, '_taken', 0) + 1\n"
        "            if self._taken % 1000 == 0:\n"
        "                group.pop()\n",
        ("tests/recording/test_sink.py::test_a_long_stream_is_recorded_whole",),
    ),
    Mutant(
        "a gap opens when the break is noticed",
        "engine/gaps.py",
        "last_ns = link.last_good_ns or now.wall_ns",
        "last_ns = now.wall_ns",
        (f"{RUN}::test_gap_begins_at_the_last_proof_of_life",),
    ),
    Mutant(
        "a gap over a restart opens at the restart",
        "engine/gaps.py",
        'return self.open_gap("restart", covered_until_ns, at_ns)',
        'return self.open_gap("restart", at_ns, at_ns)',
        ("tests/engine/test_gaps.py",),
    ),
    Mutant(
        "the wall clock's jump opens no gap after a sleep",
        "engine/run.py",
        "runner.slept(before_ns, now)",
        "pass",
        (f"{RUN}::test_a_sleep_is_a_gap_from_before_it",),
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
        "engine/supervisor.py",
        "can = all(state.subscribed and not state.interrupted for state in self._links)",
        "can = all(state.is_up and not state.interrupted for state in self._links)",
        (f"{RUN}::test_nothing_is_asked_before_the_subscription_is_acknowledged",),
    ),
    Mutant(
        "`live` is claimed without a query",
        "engine/supervisor.py",
        '        self._queries.request(now.mono_s)\n        return self._change(state, "reconciling", now)\n',
        '        self._queries.request(now.mono_s)\n        return self._change(state, "live", now)\n',
        (f"{RUN}::test_never_live_while_the_query_is_unanswered",),
    ),
    Mutant(
        "a gap is closed `recovered` though the query failed",
        "engine/supervisor.py",
        "        return self._on_query_failed(query, error, now)\n",
        "        return self._go_live(query, QueryResult(), now)\n",
        (f"{RUN}::test_refused_query_leaves_the_link_reconciling_with_the_venues_words",),
    ),
    Mutant(
        "a gap is closed `recovered` though the query did not reach back",
        "engine/gaps.py",
        'outcome="recovered" if reached_after_ns is None else "partial"',
        'outcome="recovered"',
        ("tests/engine/test_gaps.py",),
    ),
    Mutant(
        "a query that an interruption overtook closes the gap",
        "engine/supervisor.py",
        "if query.epoch != self.gaps.epoch or not self._can_query():",
        "if not self._can_query():",
        (f"{RUN}::test_a_query_from_before_a_break_closes_no_gap",),
    ),
    Mutant(
        "nothing is cut off after a short write",
        "recording/files.py",
        "        if self._partial_write:\n",
        "        if False:\n",
        ("tests/recording/test_files.py", "tests/recording/test_writer.py"),
    ),
    Mutant(
        "a torn tail is kept",
        "recording/recovery.py",
        "    files.cut(fd, damaged_at)\n",
        "",
        ("tests/recording/test_recovery.py",),
    ),
    Mutant(
        "damage in durable data is repaired",
        "recording/recovery.py",
        "if foreign or last_seq < max(history.durable_seq, after.durable_seq):",
        "if foreign:",
        ("tests/recording/test_recovery.py",),
    ),
    Mutant(
        "a file is left behind without a sync",
        "recording/writer.py",
        "        self._put([with_crc(encode(RotateRecord(next=self._file.path.name, last_seq=seq)), seq)])\n"
        "        self._sync()\n",
        "        self._put([with_crc(encode(RotateRecord(next=self._file.path.name, last_seq=seq)), seq)])\n",
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
        "core/coverage.py",
        "        self._timeline.jump(at_ns=at_ns, jump_ns=jump_ns)\n",
        "",
        ("tests/core/test_coverage.py",),
    ),
    Mutant(
        "a signal's code stands though lines were lost",
        "engine/ending.py",
        "        if self.output_failed:\n            return worst(codes - {ReaderClosed.exit_code})\n",
        "",
        ("tests/cli/test_running.py",),
    ),
    Mutant(
        "a checksum is compared as a number",
        "recording/format.py",
        "    if line[-_CRC_BYTES:] != _CRC_MEMBER % crc32(line[:-_CRC_BYTES]):\n",
        "    try:\n"
        "        right = line[-_CRC_BYTES:-11] == _CRC_KEY and int(line[-11:-3], 16) == crc32(line[:-_CRC_BYTES])\n"
        "    except ValueError:\n"
        "        right = False\n"
        "    if not right:\n",
        ("tests/recording/test_format.py::test_upper_case_checksum_is_another_text",),
    ),
    Mutant(
        "a push that comes again is written again",
        "core/order_store.py",
        "            found = entry.find(update, place if recency is Recency.EQUAL else 0)\n",
        "            found = None\n",
        (STORE,),
    ),
    Mutant(
        "a push that changes nothing is written",
        "core/order_store.py",
        "        if not changed:\n",
        "        if False:\n",
        (f"{STORE}::test_a_newer_statement_without_a_change_is_a_duplicate",),
    ),
    Mutant(
        "a query's row that is not newer is written",
        "core/order_store.py",
        "        if recency is not Recency.NEWER and not self._accepts(entry, row, merged, query, venue):\n",
        "        if False:\n",
        (STORE,),
    ),
    Mutant(
        "a null takes away what is known",
        "core/merging.py",
        "if values[index] is None and names[index]",
        'if values[index] is None and names[index] == "updated_ns"',
        (STORE,),
    ),
    Mutant(
        "an older push opens a final order again",
        "core/order_store.py",
        "if found is not None or recency is Recency.OLDER:",
        "if found is not None:",
        (STORE,),
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
        "        if wanted:\n",
        "        self._seq += len(records) - len(wanted)\n        if wanted:\n",
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
        (f"{STORE}::test_words_of_the_venue_are_redacted",),
    ),
    Mutant(
        "a killed session counts as covered to its last line",
        "recording/history.py",
        "            clean=not self.coverage.running,\n",
        "            clean=True,\n",
        ("tests/recording/test_recovery.py",),
    ),
    Mutant(
        "after a resync the next query reaches back to where the first did",
        "engine/gaps.py",
        "self.since_ns = query.next_since_ns",
        "self.since_ns = query.since_ns",
        (SUPERVISOR,),
    ),
    Mutant(
        "the back-off of queries goes on after a success",
        "engine/queries.py",
        "        self._waits = backoff(*self._pace.query_retry_s, self._draw)\n",
        "",
        (SUPERVISOR,),
    ),
    Mutant(
        "a bug makes only the links wait that were connected",
        "engine/supervisor.py",
        "            state.retry_s = now.mono_s + wait_s\n        return actions\n",
        "        return actions\n",
        (SUPERVISOR,),
    ),
    Mutant(
        "a sleep moves a gap's start by our clock only",
        "engine/supervisor.py",
        "                state.last_good_running_ns -= state.last_good_ns - before_ns\n",
        "",
        (SUPERVISOR,),
    ),
    Mutant(
        "only the first doubt brings a query forward",
        "engine/queries.py",
        "        self._recheck_s = math.inf\n        self._number += 1\n",
        "        self._number += 1\n",
        (SUPERVISOR,),
    ),
    Mutant(
        "a doubt that arises while a query is under way is forgotten",
        "engine/queries.py",
        "min(now_s + (self._resync_s or math.inf), self._recheck_s)",
        "now_s + (self._resync_s or math.inf)",
        (SUPERVISOR,),
    ),
    Mutant(
        "our own lag is forgiven to one link only",
        "engine/supervisor.py",
        "                state.last_rx_s += lag_s\n",
        "                state.last_rx_s += lag_s\n                lag_s = 0.0\n",
        (SUPERVISOR,),
    ),
    Mutant(
        "first connections count as reconnects",
        "engine/supervisor.py",
        "if self._conn > len(self._links):",
        "if self._conn > 1:",
        (SUPERVISOR,),
    ),
    Mutant(
        "the rate of attempts is counted from the last one",
        "engine/reconnects.py",
        "return self._attempts[0] + ATTEMPTS_WINDOW_S",
        "return self._attempts[-1] + ATTEMPTS_WINDOW_S",
        (SUPERVISOR,),
    ),
    Mutant(
        "a silence that ends while orders are queried is called live",
        "engine/supervisor.py",
        'self._change(state, "live", now, self._without()) if self._live else self._change(state, "reconciling", now)',
        'self._change(state, "live", now, self._without())',
        (SUPERVISOR,),
    ),
    Mutant(
        "longer waits that a venue asked for once stay",
        "engine/reconnects.py",
        "if link.waits is None or link.waits_range != wanted or was_steady:",
        "if link.waits is None or was_steady:",
        (SUPERVISOR,),
    ),
    Mutant(
        "a wait that the rate prolongs is said to be shorter",
        "engine/reconnects.py",
        "max(next(link.waits), self.allowed_s() - now_s)",
        "next(link.waits)",
        (SUPERVISOR,),
    ),
    Mutant(
        "a stall of the output closes the first link only",
        "engine/supervisor.py",
        "for i, state in enumerate(self._links) if state.is_trying]",
        "for i, state in enumerate(self._links[:1]) if state.is_trying]",
        (SUPERVISOR,),
    ),
    Mutant(
        "states of before an old break need no settling in later resyncs",
        "engine/supervisor.py",
        "0 if self._live else self.gaps.noticed_ns",
        "self.gaps.noticed_ns",
        (SUPERVISOR,),
    ),
    Mutant(
        "a resync that fails while live waits as long as any query",
        "engine/queries.py",
        "(min(wait_s, LIVE_QUERY_RETRY_S) if live else wait_s)",
        "wait_s",
        (SUPERVISOR,),
    ),
    Mutant(
        "each resync makes a connection young again",
        "engine/supervisor.py",
        "            if state.live_s is None:\n                state.live_s = now.mono_s\n",
        "            state.live_s = now.mono_s\n",
        (SUPERVISOR,),
    ),
    Mutant(
        "a resync calls a silent link live",
        "engine/supervisor.py",
        "            if state.stale:\n                if changed and left_out:",
        "            if False:\n                if changed and left_out:",
        (SUPERVISOR,),
    ),
    Mutant(
        "wrong configuration found while connecting is tried again for ever",
        "engine/supervisor.py",
        "        if isinstance(error, AuthError | ConfigError):\n            state.end(math.inf)",
        "        if isinstance(error, AuthError):\n            state.end(math.inf)",
        (SUPERVISOR,),
    ),
    Mutant(
        "one bug long ago hides three within ten minutes",
        "engine/reconnects.py",
        "deque(maxlen=BUGS_ALLOWED + 1)",
        "deque()",
        (SUPERVISOR,),
    ),
    Mutant(
        "the configured silence holds until the first message only",
        "engine/supervisor.py",
        "state.set_intervals(heartbeat_s, self._policy.silence_s or silence_s)",
        "state.set_intervals(heartbeat_s, silence_s)",
        (SUPERVISOR,),
    ),
    Mutant(
        "the answer of a cancelled query is taken for that of the next",
        "engine/queries.py",
        "if query is None or query.number != number:",
        "if query is None:",
        (SUPERVISOR,),
    ),
    Mutant(
        "a message that could not be read proves that the link lived",
        "engine/supervisor.py",
        "        if good:\n            state.last_good_ns",
        "        if good or events:\n            state.last_good_ns",
        (SUPERVISOR,),
    ),
    Mutant(
        "a connection is as old as the one before it",
        "engine/link.py",
        "        self.live_s = None\n\n    def open",
        "\n    def open",
        ("tests/engine/test_link.py", SUPERVISOR),
    ),
    Mutant(
        "a shorter heartbeat begins with the one after the next",
        "engine/link.py",
        "self.next_heartbeat_s = min(self.next_heartbeat_s, self.next_heartbeat_s - self.heartbeat_s + heartbeat_s)",
        "self.next_heartbeat_s = max(self.next_heartbeat_s, self.next_heartbeat_s - self.heartbeat_s + heartbeat_s)",
        ("tests/engine/test_link.py", SUPERVISOR),
    ),
    Mutant(
        "a link that was silent once is not shown stale again",
        "engine/link.py",
        "self.is_trying = self.is_up = self.subscribed = self.interrupted = self.stale = False",
        "self.is_trying = self.is_up = self.subscribed = self.interrupted = False",
        ("tests/engine/test_link.py", SUPERVISOR),
    ),
    Mutant(
        "a venue that saw no orders before a break never sees any after it",
        "engine/link.py",
        "self.is_trying = self.is_up = self.subscribed = self.interrupted = self.stale = False",
        "self.is_trying = self.is_up = self.subscribed = self.stale = False",
        ("tests/engine/test_link.py", SUPERVISOR),
    ),
    Mutant(
        "what a connection reports after its end still counts",
        "engine/link.py",
        "return self.is_trying and self.conn == conn",
        "return self.conn == conn",
        ("tests/engine/test_link.py", SUPERVISOR),
    ),
    Mutant(
        "every connection is opened with the first part of the settings",
        "engine/runner.py",
        "self._client.open(link,",
        "self._client.open(0,",
        (RUNNER,),
    ),
    Mutant(
        "requests over a connection keep to no rate",
        "engine/runner.py",
        "        for rate in request.rates:\n            await self._rates.wait(rate)\n        self._on_send()",
        "        self._on_send()",
        (RUNNER,),
    ),
    Mutant(
        "a query counts as sent before it waited for its rate",
        "engine/runner.py",
        "        for rate in request.rates:\n            await self._rates.wait(rate)\n        self._on_send()",
        "        self._on_send()\n        for rate in request.rates:\n            await self._rates.wait(rate)",
        (RUNNER,),
    ),
    Mutant(
        "an audit interval of 0 still asks in doubt",
        "engine/runner.py",
        "resync_s=resync_s or None",
        "resync_s=resync_s",
        (RUNNER,),
    ),
    Mutant(
        "a connection is read on while the order store cannot take more",
        "engine/runner.py",
        "            if self._queue.is_full:\n"
        "                await self._queue.wait_while_full()\n\n    async def send",
        "\n    async def send",
        (RUNNER,),
    ),
    Mutant(
        "rows of a cache count as rows of now",
        "engine/runner.py",
        "old_before_ns=start.old_before_ns, cached=cached)",
        "old_before_ns=start.old_before_ns)",
        (RUNNER,),
    ),
    Mutant(
        "a request that was answered takes room for ever",
        "engine/connection.py",
        "            self._pending.pop(key, None)\n",
        "            pass\n",
        (CONNECTION,),
    ),
    Mutant(
        "a connection that was good ends with the hint for one that never was",
        "engine/connection.py",
        '            if is_good:\n                self._unanswered = ""\n',
        "",
        (CONNECTION,),
    ),
    Mutant(
        "the last of several reasons ends a connection",
        "engine/connection.py",
        "        if self._dropped is None:\n            self._dropped = error\n            if self._is_running:",
        "        self._dropped = error\n        if True:\n            if self._is_running:",
        (CONNECTION,),
    ),
    Mutant(
        "how long a venue wants to be left alone is ignored",
        "engine/http.py",
        "                await asyncio.sleep(retry_after_s)\n",
        "",
        (HTTP,),
    ),
    Mutant(
        "a request counts as sent before it waited for its rate",
        "engine/http.py",
        "        places = [await self._rates.wait(rate) for rate in request.rates]\n        on_send()\n",
        "        on_send()\n        places = [await self._rates.wait(rate) for rate in request.rates]\n",
        (HTTP,),
    ),
    Mutant(
        "a request that fails counts from its sending",
        "engine/http.py",
        "        try:\n"
        "            return await self._once(only_reading(self._only_reads, request.signed(self._venue_ns())))\n"
        "        finally:\n"
        "            for place in places:\n"
        "                place.answered()\n",
        "        answer = await self._once(only_reading(self._only_reads, request.signed(self._venue_ns())))\n"
        "        for place in places:\n"
        "            place.answered()\n"
        "        return answer\n",
        (HTTP,),
    ),
    Mutant(
        "only the first piece of an answer is read",
        "engine/http_client.py",
        "while len(body) <= max_body_bytes and (more := await response.content.read(max_body_bytes)):",
        "if len(body) == 0 and (more := await response.content.read(max_body_bytes)):",
        (HTTP,),
    ),
    Mutant(
        "a full window is waited out to its last place",
        "engine/rates.py",
        "return min(place.at_s for place in taken)",
        "return max(place.at_s for place in taken)",
        ("tests/engine/test_rates.py",),
    ),
    Mutant(
        "a back-off begins above its cap",
        "engine/rates.py",
        "bound_s = min(first_s, max_s)",
        "bound_s = first_s",
        ("tests/engine/test_rates.py",),
    ),
    Mutant(
        "two that wait take the same place",
        "engine/rates.py",
        "while (delay_s := self.delay_s(rate)) > 0:",
        "if (delay_s := self.delay_s(rate)) > 0:",
        ("tests/engine/test_rates.py",),
    ),
    Mutant(
        "all that wait for room put at once",
        "engine/queue.py",
        "        while not self._not_full.is_set():",
        "        if not self._not_full.is_set():",
        ("tests/engine/test_queue.py",),
    ),
    Mutant(
        "a flood of bytes leaves no turn to others",
        "engine/transport.py",
        "            await asyncio.sleep(0)\n            chunk = await",
        "            chunk = await",
        (TRANSPORT,),
    ),
    Mutant(
        "with a key log no certificate is trusted",
        "engine/tls.py",
        "        context.load_default_certs()\n",
        "",
        ("tests/engine/test_tls.py",),
    ),
    Mutant(
        "a name whose first address is dead is not tried further",
        "engine/transport.py",
        "happy_eyeballs_delay=None if _is_address(endpoint.host) else NEXT_ADDRESS_S",
        "happy_eyeballs_delay=None if _is_address(endpoint.host) else NEXT_ADDRESS_S * 1000",
        (TRANSPORT,),
    ),
    Mutant(
        "a part that was answered in between is given up all the same",
        "engine/refusals.py",
        "self._count = {part: min(self._count.get(part, 0) + 1, TRIES) for part in refused}",
        "self._count |= {part: min(self._count.get(part, 0) + 1, TRIES) for part in refused}",
        ("tests/engine/test_refusals.py",),
    ),
    Mutant(
        "the venue's date is taken for milliseconds",
        "engine/venue_clock.py",
        ".timestamp()) * 1_000_000_000",
        ".timestamp()) * 1_000_000",
        ("tests/engine/test_venue_clock.py",),
    ),
    Mutant(
        "only the first output is written to",
        "engine/run.py",
        "        for sink in self._sinks:\n            sink.write(shared)\n",
        "        for sink in self._sinks[:1]:\n            sink.write(shared)\n",
        (RUN,),
    ),
    Mutant(
        "the venues are let go only when every output stalls",
        "engine/ending.py",
        "return any(stalled)",
        "return all(stalled)",
        (RUN,),
    ),
    Mutant(
        "a doubt on one venue asks them all",
        "engine/run.py",
        "            if runner.setup.name == venue:\n                runner.recheck()",
        "            runner.recheck()",
        (RUN,),
    ),
    Mutant(
        "the limit of events counts each batch anew",
        "engine/run.py",
        "return SLICE if most is None else most - self._shown",
        "return SLICE if most is None else most",
        (RUN,),
    ),
    Mutant(
        "what a limit leaves unmerged counts as received up to its last event",
        "engine/run.py",
        "for event in reversed(self._taken):",
        "for event in self._taken:",
        (RUN,),
    ),
    Mutant(
        "one venue that is not live in time ends the run",
        "engine/ending.py",
        "if not any(venue.ever_live for venue in venues):",
        "if not all(venue.ever_live for venue in venues):",
        (ENDING,),
    ),
    Mutant(
        "one covered venue covers the others",
        "engine/ending.py",
        "self.covered = all(",
        "self.covered = any(",
        (ENDING,),
    ),
    Mutant(
        "a run without any venue left goes on",
        "engine/ending.py",
        "if venues and all(venue.stopped for venue in venues):",
        "if venues and any(venue.stopped for venue in venues):",
        (ENDING,),
    ),
    Mutant(
        "one answer is enough for --once",
        "engine/ending.py",
        "all_answered = all(",
        "all_answered = any(",
        (ENDING,),
    ),
    Mutant(
        "a venue that was stopped is waited for with --once",
        "engine/ending.py",
        "all(venue.answered or venue.stopped for venue in venues)",
        "all(venue.answered for venue in venues)",
        (ENDING,),
    ),
    Mutant(
        "a run goes on for one order record after its limit",
        "engine/ending.py",
        "progress.events >= limits.max_events",
        "progress.events > limits.max_events",
        (ENDING,),
    ),
    Mutant(
        "a deadline counts only after it",
        "engine/ending.py",
        "progress.passed_s >= deadline_s",
        "progress.passed_s > deadline_s",
        (ENDING,),
    ),
    Mutant(
        "late alive records leave a run covered",
        "engine/ending.py",
        " and not late_alive\n",
        "\n",
        (ENDING,),
    ),
    Mutant(
        "the clocks are looked at only now and then",
        "engine/runner.py",
        '        """A connection received something."""\n        self._look(now)\n',
        '        """A connection received something."""\n',
        (f"{RUN}::test_a_break_right_after_a_sleep_is_a_gap_from_before_the_sleep",),
    ),
    Mutant(
        "what arrives after a sleep proves that nothing was missed",
        "engine/supervisor.py",
        'opened = self._open_gap("suspended", silent, now) if silent is not None else []',
        "opened: list[FeedEvent] = []",
        (SUPERVISOR,),
    ),
    Mutant(
        "a request that is not on the list is sent",
        "engine/http.py",
        "only_reading(self._only_reads, request.signed(self._venue_ns()))",
        "request.signed(self._venue_ns())",
        (HTTP,),
    ),
    Mutant(
        "a message that is not on the list is sent",
        "engine/connection.py",
        "[only_reading(self._owner.only_reads, payload) for payload in payloads]",
        "payloads",
        (CONNECTION,),
    ),
    Mutant(
        "a row is judged by what merging makes of it",
        "core/order_store.py",
        "venue.correct(row, known)",
        "venue.correct(merged, known)",
        (STORE,),
    ),
    Mutant(
        "an answer that may be behind is the last word until the resync",
        "engine/queries.py",
        "if self._started_s < self._settled_s and self._resync_s is not None:",
        "if False:",
        ("tests/engine/test_queries.py",),
    ),
    Mutant(
        "history that a query did not give is never asked for again",
        "engine/gaps.py",
        "if self._incomplete % TRIES == 0:",
        "if True:",
        ("tests/engine/test_gaps.py",),
    ),
    Mutant(
        "an output that fails at its end keeps the next from closing",
        "engine/run.py",
        "*(sink.close() for sink in self._sinks), return_exceptions=True)",
        "*(sink.close() for sink in self._sinks[:1]), return_exceptions=True)",
        (RUN,),
    ),
    Mutant(
        "the second reason to stop replaces the first",
        "engine/run.py",
        "        if not self._stop.is_set():\n            self._outcome.reason",
        "        if True:\n            self._outcome.reason",
        (RUN,),
    ),
    Mutant(
        "only the worst venue's uncertain time counts",
        "engine/ending.py",
        "self.uncertain_s = sum(",
        "self.uncertain_s = max(",
        (ENDING,),
    ),
    Mutant(
        "a sleep is a gap of the first venue only",
        "engine/run.py",
        "            for runner in self._runners:\n                runner.slept(before_ns, now)",
        "            for runner in self._runners[:1]:\n                runner.slept(before_ns, now)",
        (RUN,),
    ),
    Mutant(
        "a second partial gap forgets the first",
        "core/coverage.py",
        "self._uncertain += self._intervals(from_ns, to_ns, reason)",
        "self._uncertain = self._intervals(from_ns, to_ns, reason)",
        ("tests/core/test_coverage.py",),
    ),
    Mutant(
        "a gap that closed partial leaves the venue whole",
        "core/coverage.py",
        'if gap.outcome != "recovered":',
        'if gap.outcome not in ("recovered", "partial"):',
        ("tests/core/test_coverage.py",),
    ),
    Mutant(
        "a reopened order leaves memory with the final ones",
        "core/order_store.py",
        "            self._final.pop(order.key, None)\n",
        "",
        (STORE,),
    ),
    Mutant(
        "rejects that were not written are counted again and again",
        "core/order_store.py",
        "self._suppressed.pop(reject.venue, 0)",
        "self._suppressed[reject.venue]",
        (STORE,),
    ),
    Mutant(
        "rejects of one venue use up another's limit",
        "core/order_store.py",
        "        self._second[reject.venue] = (second, count)\n",
        '        self._second = dict.fromkeys([*self._second, reject.venue, "toy", "toy2"], (second, count))\n',
        (STORE,),
    ),
    Mutant(
        "what one gap recovered is counted in the next",
        "core/order_store.py",
        "self._recovered.pop(event.gap, 0)",
        "self._recovered.total()",
        (STORE,),
    ),
    Mutant(
        "a doubt outlives the state it was about",
        "core/order_entry.py",
        "self.channel, self.unconfirmed = arrival.channel, None",
        "self.channel = arrival.channel",
        (STORE,),
    ),
    Mutant(
        "lines that keep coming put their sync off",
        "recording/writer.py",
        "        if not self._file.dirty:\n            self._dirty_since = monotonic()\n",
        "        self._dirty_since = monotonic()\n",
        ("tests/recording/test_writer.py",),
    ),
    Mutant(
        "a queue is as full as its last group was small",
        "outputs/writer_thread.py",
        "self._bytes -= size",
        "self._bytes = -size",
        ("tests/outputs/test_writer_thread.py",),
    ),
    Mutant(
        "older files are read in the order of their names",
        "recording/rotation.py",
        "return [by_seq[seqs] for seqs in sorted(by_seq)]",
        "return list(by_seq.values())",
        ("tests/recording/test_rotation.py",),
    ),
    Mutant(
        "the second jump of a clock undoes the first",
        "core/timeline.py",
        "last.ahead_ns + at_ns - before_ns",
        "at_ns - before_ns",
        ("tests/core/test_timeline.py",),
    ),
    Mutant(
        "an order that was final before it was reopened is handed over twice",
        "recording/history.py",
        "self._final.pop(key, None) or []",
        "self._final.get(key) or []",
        ("tests/recording/test_recovery.py",),
    ),
    Mutant(
        "gaps of one session are counted in the next",
        "recording/invariants.py",
        "        self._gaps.clear()\n",
        "",
        ("tests/recording/test_invariants.py",),
    ),
    Mutant(
        "each record that is missed is a gap of its own",
        "outputs/line_output.py",
        "    elif isinstance(last, _Missed):\n",
        "    elif False:\n",
        ("tests/outputs/test_line_output.py",),
    ),
    Mutant(
        "a gap of missed records ends with its first",
        "outputs/line_output.py",
        "        self.count += 1\n        self.last = record\n",
        "        self.count += 1\n",
        ("tests/outputs/test_line_output.py",),
    ),
    Mutant(
        "a reopened order is counted as final",
        "outputs/table_state.py",
        "        self._final.pop(key, None)\n        if order.final:",
        "        if order.final:",
        ("tests/outputs/test_table_state.py",),
    ),
    Mutant(
        "the wait of a venue that is down counts from its first outage",
        "outputs/table_state.py",
        "link.state, link.detail, link.wait_s, link.at\n",
        "link.state, link.detail, link.wait_s, venue.state_at or link.at\n",
        ("tests/outputs/test_table_state.py",),
    ),
)
