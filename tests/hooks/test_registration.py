import pytest

from seqrec.settings import HOOKS


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: type(hook).__name__)
def test_every_attribute_can_be_read_before_a_run(hook):
    # Some releases of pluggy read all of them to find the hooks' implementations.
    for name in dir(hook):
        getattr(hook, name)
