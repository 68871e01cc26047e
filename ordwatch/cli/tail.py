"""`ordwatch tail`: shows the order updates of the venues in the configuration."""

from ordwatch.cli import options as opt
from ordwatch.cli.configuration import read_config, resolve
from ordwatch.cli.display import TailDisplayOptions
from ordwatch.cli.exec_options import ExecOptions
from ordwatch.cli.limit_options import TailLimitOptions
from ordwatch.cli.nats_options import resolve_nats
from ordwatch.cli.process import end_on_hangup
from ordwatch.cli.publish_options import PublishOptions, published
from ordwatch.cli.recording_options import resume_state
from ordwatch.cli.stderr import set_up


def tail(
    *,
    config: opt.ConfigFile = None,
    venue: opt.Venues = None,
    display: TailDisplayOptions,
    raw: opt.Raw = False,
    limits: TailLimitOptions,
    recording: PublishOptions,
    fail_on_gap: opt.FailOnGap = False,
    programs: ExecOptions,
    metrics: opt.MetricsTarget = None,
    messages: opt.MessageOptions,
) -> None:
    """\b
    Examples:
      ordwatch tail                           live table; JSON lines in a pipe
      ordwatch tail --once --open             what is open now, then stop
      ordwatch tail --venue opend --symbol 'HK.*' --status filled
      ordwatch tail --status filled --exec 'notify-send -'
      ordwatch tail --record day.jsonl --until 16:10 --time-zone Asia/Hong_Kong
      ordwatch tail --record day.jsonl --publish -q

    Connect to the venues in the configuration and show their order updates until stopped.
    """
    stderr = set_up(messages.level)
    display.check()
    programs.argv()
    file = recording.sink()
    if file is None:
        end_on_hangup()
    # Imported here: `ordwatch --help` and usage errors need no engine.
    from ordwatch.cli.outages import Outages
    from ordwatch.cli.running import finish, run_to_end
    from ordwatch.cli.watching import Outputs, metrics_sink, watch_venues

    measured = metrics_sink(metrics)
    run_limits = limits.limits(display)
    configuration = read_config(config, venue or [])
    venues = resolve(configuration, venue or [], stderr, raw=raw)
    names = [setup.name for _, setup in venues]
    if measured is not None:
        measured.prepare()
    kinds = {setup.name: venue.kind for venue, setup in venues}
    output = published(file, resolve_nats(configuration, stderr), kinds) if file and recording.publish else file
    start = resume_state(output, names, messages)
    outages = Outages(names)
    outputs = Outputs(
        display=display,
        stderr=stderr,
        recording=output,
        outages=outages,
        metrics=measured,
        programs=programs.sink(display, stderr, configuration.secret_variables),
    )
    fingerprint = configuration.fingerprint
    watching = watch_venues(
        venues, outputs, run_limits, start=start, config_sha256=fingerprint, fail_on_gap=fail_on_gap
    )
    outcome = run_to_end(watching)
    outages.report_end(outcome)
    finish(outcome)
