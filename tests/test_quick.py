"""The import of Jupyter's packages builds no grammar that no notebook needs, and loses no check."""

import subprocess
import sys

import pytest

CODE = """
import sys
from cniperf.quick import import_jsonschema

import_jsonschema()
import nbconvert, papermill, jsonschema
assert "rfc3987_syntax" not in sys.modules, "the grammar was built"
conforms = jsonschema.FormatChecker().conforms
assert conforms("http://é/x", "iri") and not conforms("no iri", "iri")
assert conforms("x#é", "iri-reference") and not conforms("no reference", "iri-reference")
assert "is_valid_syntax" in dir(sys.modules["rfc3987_syntax"])
import_jsonschema()
"""


def test_the_grammar_of_iris_is_built_where_an_iri_is_checked():
    pytest.importorskip("rfc3987_syntax")
    subprocess.run([sys.executable, "-c", CODE], check=True)


THREADS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from cniperf.quick import import_jsonschema

together = Barrier(8)

def use(number):
    together.wait()
    import_jsonschema()
    import nbformat
    nbformat.validate(nbformat.v4.new_notebook())

with ThreadPoolExecutor(8) as pool:
    list(pool.map(use, range(8)))
assert "rfc3987_syntax" not in sys.modules
"""


def test_several_threads_import_at_once():
    for _ in range(5):
        subprocess.run([sys.executable, "-c", THREADS], check=True)


@pytest.mark.parametrize("call", ["html('none', 'out', 'en')", "pdf('none', 'out')"])
def test_what_makes_a_page_loads_no_table_and_no_chart(call, tmp_path):
    code = f"""
import sys
from cniperf import formats
try:
    formats.{call}
except FileNotFoundError:
    pass
assert not {{"pandas", "matplotlib", "rfc3987_syntax"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
