"""The errors a user may see, as the module's first lines list them."""

import inspect

from pipelines import errors


def test_the_tree_in_the_docstring_names_every_error():
    classes = [name for name, item in vars(errors).items() if inspect.isclass(item)]
    assert errors.__doc__ is not None
    assert [name for name in classes if name not in errors.__doc__] == []


def test_every_error_is_one_for_the_user():
    classes = [item for item in vars(errors).values() if inspect.isclass(item)]
    assert all(issubclass(item, errors.UserError) for item in classes)
