"""Proofs and tiles: each proof is checked, for every size that was published and those between."""

from __future__ import annotations

import pytest

from registry.chain import tlog
from registry.chain.checkpoint import LogKeys, open_checkpoint
from registry.chain.errors import Unavailable
from registry.chain.note import parse_vkey
from registry.chain.proof import check_proof, parse_proof
from registry.chain.tiles import TileHashReader, parse_bundle, tile_path, tile_width_at
from registry.service.proofs import Prover
from registry.service.reading import Absent
from tests.api.conftest import client_of
from tests.asgi import AppClient
from tests.fakes import FakeRegistry


def log_keys(registry: FakeRegistry) -> LogKeys:
    ed25519, mldsa44 = (parse_vkey(text) for text in registry.book.log_vkeys())
    return LogKeys(registry.book.origin, ed25519.public_key, mldsa44.public_key)


@pytest.fixture
def long_registry() -> FakeRegistry:
    """Give a log of several tiles, published in steps around their ends."""
    registry = FakeRegistry()
    registry.take(registry.book.founding())
    registry.publish()
    for size in (100, 255, 256, 257, 300, 511, 513, 600):
        count = size - len(registry.records)
        registry.take([registry.book.transfer("farm", "mill") for _ in range(count)])
        registry.publish()
    return registry


def root_at(registry: FakeRegistry, size: int) -> bytes:
    return tlog.root_hash(size, tlog.LeafHashes(registry.leaves))


def test_inclusion_proofs_lead_to_the_roots(long_registry: FakeRegistry) -> None:
    prover = Prover(long_registry, long_registry)
    for size in (1, 2, 100, 255, 256, 257, 299, 511, 512, 599, 600):
        root = root_at(long_registry, size)
        for index in {0, 1, size // 2, size - 1}:
            if index >= size:
                continue
            proof = prover.inclusion(index=index, size=size)
            assert (proof.size, bytes.fromhex(proof.root)) == (size, root)
            tlog.check_inclusion(
                [bytes.fromhex(h) for h in proof.hashes],
                index,
                bytes.fromhex(proof.leaf_hash),
                size,
                root,
            )
            assert proof.leaf_hash == long_registry.leaves[index].hex()
            assert isinstance(proof.checkpoint, str) is (size == 600)


def test_consistency_proofs_connect_the_roots(long_registry: FakeRegistry) -> None:
    prover = Prover(long_registry, long_registry)
    sizes = (0, 1, 19, 100, 255, 256, 257, 511, 513, 600)
    for old in sizes:
        for new in sizes:
            if old <= new:
                proof = prover.consistency(old, new)
                tlog.check_consistency(
                    [bytes.fromhex(h) for h in proof.hashes],
                    old,
                    bytes.fromhex(proof.from_root),
                    new,
                    bytes.fromhex(proof.to_root),
                )
                assert bytes.fromhex(proof.to_root) == root_at(long_registry, new)


def test_by_leaf_hash_and_as_a_file(registry: FakeRegistry, client: AppClient) -> None:
    leaf = registry.leaves[27].hex()
    by_hash = client.get(f"/v1/proofs/inclusion?leaf_hash={leaf}").json()
    assert by_hash == client.get("/v1/proofs/inclusion?index=27").json()
    accept = {"accept": "text/plain"}
    answer = client.get("/v1/proofs/inclusion?index=27", headers=accept)
    assert answer.headers["content-type"].startswith("text/plain")
    check_proof(
        parse_proof(answer.content),
        index=27,
        leaf_hash=registry.leaves[27],
        keys=log_keys(registry),
    )
    assert client.get("/v1/proofs/inclusion?index=27&size=30", headers=accept).status_code == 400


def test_the_checkpoint_is_the_signed_note(registry: FakeRegistry, client: AppClient) -> None:
    answer = client.get("/checkpoint")
    assert answer.content == registry.checkpoint()
    assert answer.headers["cache-control"] == "no-cache"
    assert open_checkpoint(answer.content, log_keys(registry)).size == len(registry.records)


def test_tiles_of_every_width_are_cut(long_registry: FakeRegistry) -> None:
    prover = Prover(long_registry, long_registry)
    for size in (1, 100, 255, 256, 257, 511, 512, 513, 600):

        def read(level: int, index: int, width: int) -> bytes:
            return prover.tile(tile_path(level, index, width))[0]

        assert tlog.root_hash(size, TileHashReader(size, read)) == root_at(long_registry, size)
        last = (size - 1) // 256
        width = tile_width_at(0, last, size)
        path = tile_path(0, last, width).replace("tile/0/", "tile/entries/")
        bundle = parse_bundle(prover.tile(path)[0], width)
        assert bundle == tuple(long_registry.records[256 * last : 256 * last + width])


def test_full_tiles_are_for_ever(long_registry: FakeRegistry) -> None:
    with client_of(long_registry) as client:
        full, partial = client.get("/tile/0/000"), client.get("/tile/0/002.p/88")
        bundle = client.get("/tile/entries/001")
    assert "immutable" in full.headers["cache-control"]
    assert "immutable" in bundle.headers["cache-control"]
    assert "immutable" not in partial.headers["cache-control"]
    assert (len(full.content), len(partial.content)) == (256 * 32, 88 * 32)


def test_what_is_committed_but_not_published_is_not_proved(registry: FakeRegistry) -> None:
    prover = Prover(registry, registry)
    registry.take([registry.book.transfer("mill", "host")])
    with pytest.raises(Absent):
        prover.inclusion(index=38)
    with pytest.raises(Absent):
        prover.tile("tile/0/000.p/39")
    registry.publish()
    assert prover.inclusion(index=38).size == 39
    assert len(prover.tile("tile/0/000.p/39")[0]) == 39 * 32


def test_a_partial_tile_that_goes_is_cut_from_its_successor(registry: FakeRegistry) -> None:
    """The publisher drops a partial tile just when it is to be read."""
    prover = Prover(registry, registry)
    prover.inclusion(index=3)
    registry.take([registry.book.transfer("mill", "host") for _ in range(250)])
    registry.publish()
    assert len(prover.tile("tile/0/000.p/37")[0]) == 37 * 32


def test_a_bundle_cut_short_is_not_given_out(registry: FakeRegistry) -> None:
    prover = Prover(registry, registry)
    path = "tile/entries/000.p/38"
    registry.tiles[path] = registry.tiles[path][:100]
    with pytest.raises(Unavailable):
        prover.tile("tile/entries/000.p/20")
