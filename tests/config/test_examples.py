"""What is shipped as an example is right, and the documents tell about every setting and no other."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, SecretStr

from zoffsite.config.schema import Tables
from zoffsite.config.settings import load, problems

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "zoffsite.example.toml"
ENV_EXAMPLE = ROOT / ".env.example"
KEYS = f"zoffsite1:{'A' * 43}=:AAAAC3NzaC1lZDI1NTE5AAAAIMERKkMTZA6OQs2mNTAC68xWf5DtojAJZYgCDIVWmyaN"
PAIRING = f"{KEYS}:{hashlib.sha256(KEYS.encode()).hexdigest()[:8]}"


def settings(table: type[BaseModel] = Tables, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting as documents write it, `job.NAME.keep.box.daily`, with its annotation."""
    for name, field in table.model_fields.items():
        model = next((model for model in models(field.annotation)), None)
        named = f"{before}{name}.NAME." if getattr(field.annotation, "__origin__", None) is dict else f"{before}{name}."
        if model is not None:
            yield from settings(model, named)
        else:
            yield f"{before}{name}", field.annotation


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models(argument)


def is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(is_secret(argument) for argument in get_args(annotation))


def example_in(tmp_path: Path, key_file: Path, text: str) -> Path:
    """`text` as a settings file in a home where the key is that it names, and whose box is paired."""
    key = tmp_path / ".ssh/zoffsite_ed25519"
    key.parent.mkdir()
    key.write_bytes(key_file.read_bytes())
    key.chmod(0o600)
    file = tmp_path / "zoffsite.toml"
    file.write_text(text.replace("~/", f"{tmp_path}/"))
    (tmp_path / "friend.pairing").write_text(PAIRING)
    return file


def test_the_example_file_is_right_as_it_is(tmp_path: Path, key_file: Path) -> None:
    file = example_in(tmp_path, key_file, EXAMPLE.read_text())
    assert problems(file, environ={}) == []
    assert load(file, environ={}).job_names == ("home",)


def test_all_that_the_example_lacks_is_a_box_that_is_paired(tmp_path: Path, key_file: Path) -> None:
    file = example_in(tmp_path, key_file, EXAMPLE.read_text())
    (tmp_path / "friend.pairing").unlink()
    (problem,) = problems(file, environ={})
    assert "not paired yet" in problem.message


def test_the_example_file_is_right_with_every_comment_taken_as_a_setting(tmp_path: Path, key_file: Path) -> None:
    text = re.sub(r"(?m)^# (?=\[|\w+ = )", "", EXAMPLE.read_text())
    assert "[source.nas]" in text.split("\n")
    file = example_in(tmp_path, key_file, text)
    assert problems(file, environ={}) == []


def test_the_example_file_says_the_defaults_as_they_are(tmp_path: Path, key_file: Path) -> None:
    """Each commented line of the job and the box changes nothing, save the three that show an alternative."""
    shown = EXAMPLE.read_text().replace("# [source.nas]", "[source.nas]")
    text = re.sub(r"(?m)^# (?=\w+ = )(?!patterns|bandwidth)", "", shown)
    plain = load(example_in(tmp_path, key_file, EXAMPLE.read_text()), environ={})
    (tmp_path / "zoffsite.toml").write_text(text.replace("~/", f"{tmp_path}/"))
    assert load(tmp_path / "zoffsite.toml", environ={}).job("home") == plain.job("home")


def test_the_env_example_is_right_with_every_comment_taken_as_a_setting(tmp_path: Path, key_file: Path) -> None:
    file = example_in(tmp_path, key_file, EXAMPLE.read_text())
    text = re.sub(r"(?m)^#(?=[A-Z_]+=)", "", ENV_EXAMPLE.read_text())
    (tmp_path / "credentials").mkdir()
    text = text.replace("/run/credentials/zoffsite.service", str(tmp_path / "credentials"))
    (tmp_path / ".env").write_text(text)
    (tmp_path / ".env").chmod(0o600)
    assert problems(file, environ={}) == []


def test_the_env_example_lists_every_secret() -> None:
    text = ENV_EXAMPLE.read_text()
    secrets = [name for name, annotation in settings() if is_secret(annotation)]
    assert secrets
    for name in secrets:
        variable = "ZOFFSITE_" + name.upper().replace(".NAME.", ".HOME.").replace(".", "__")
        assert f"#{variable}=" in text


def test_the_env_example_holds_no_value_that_would_be_used_by_mistake() -> None:
    assert all(not line or line.startswith("#") for line in ENV_EXAMPLE.read_text().split("\n"))


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    text = (ROOT / "docs/reference/settings.md").read_text()
    documented, table = set[str](), ""
    for line in text.split("\n"):
        if heading := re.match(r"#+ `\[([\w.]+)\]`", line):
            table = f"{heading[1]}."
        elif line.startswith("#"):
            table = ""
        elif row := re.match(r"\| `(\w+)` \|", line):
            documented.add(f"{table}{row[1]}")
    assert documented == {name for name, _ in settings()}
