"""After the stop button: a real kernel, with the cells that Run All sends at once."""

import jupyter_client
import pytest

STOPPED = """
from style_workshop.stopping import stop_notebook
for run in range(2):
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        stop_notebook()
print("the picture so far")
"""


@pytest.fixture(scope="module")
def kernel():
    manager, client = jupyter_client.manager.start_new_kernel(kernel_name="python3")
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run_all(client, *cells: str) -> tuple[list[str], str]:
    """Send all cells at once; give how each ended, and what was printed."""
    requests, printed = [client.execute(cell) for cell in cells], []
    ends = dict.fromkeys(requests)
    while None in ends.values():
        reply = client.get_shell_msg(timeout=60)
        if reply["parent_header"]["msg_id"] in ends:
            ends[reply["parent_header"]["msg_id"]] = reply["content"]["status"]
    while True:
        message = client.get_iopub_msg(timeout=60)
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])
        idle = message["content"].get("execution_state") == "idle"
        if idle and message["parent_header"]["msg_id"] == requests[-1]:
            return list(ends.values()), "".join(printed)


def test_a_stopped_cell_comes_to_its_end_and_is_the_last(kernel):
    ends, printed = run_all(kernel, STOPPED, "print('next')")
    assert ends == ["error", "aborted"]
    assert printed.startswith("the picture so far\n") and "next\n" not in printed
    assert printed.count("Stopped: Run All ends here") == 1
    # It was for that cell alone.
    assert run_all(kernel, "x = 1", "print(x)") == (["ok", "ok"], "1\n")


def test_an_error_of_the_cell_itself_is_what_is_told(kernel):
    ends, printed = run_all(kernel, STOPPED + "1 / 0")
    assert ends == ["error"] and "Run All" not in printed


def test_by_choice_run_all_goes_on(kernel):
    run_all(kernel, "%env STYLE_WORKSHOP_AFTER_STOP=go on")
    ends, printed = run_all(kernel, STOPPED, "print('next')")
    assert ends == ["ok", "ok"] and printed == "the picture so far\nnext\n"


def test_outside_of_a_notebook_nothing_happens():
    from style_workshop.stopping import stop_notebook

    stop_notebook()
