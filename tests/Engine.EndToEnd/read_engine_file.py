"""Reads an engine file by docs/formats.md alone, checks every rule of the container, and prints what it found as JSON."""
import json
import struct
import sys

BITS = {"BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64}


def table():
    rows = []
    for i in range(256):
        for _ in range(8):
            i = i >> 1 ^ (0x82F63B78 if i & 1 else 0)
        rows.append(i)
    return rows


TABLE = table()


def crc32c(data):
    c = 0xFFFFFFFF
    for b in data:
        c = TABLE[(c ^ b) & 255] ^ c >> 8
    return c ^ 0xFFFFFFFF


def no_key_twice(pairs):
    keys = [k for k, _ in pairs]
    assert len(keys) == len(set(keys)), "a key comes twice"
    return dict(pairs)


def main(path):
    with open(path, "rb") as f:
        data = f.read()
    assert crc32c(b"123456789") == 0xE3069283
    (n,) = struct.unpack_from("<Q", data)
    assert n <= 100_000_000 and (8 + n) % 64 == 0 and data[8:9] == b"{"
    header = json.loads(data[8:8 + n].decode("utf-8"), object_pairs_hook=no_key_twice)
    meta = header.pop("__metadata__")
    assert all(isinstance(v, str) for v in meta.values())
    assert meta["format"] == "engine" and meta["engine.version"] == "1"
    sections = json.loads(meta["engine.sections"], object_pairs_hook=no_key_twice)
    graph = json.loads(meta["engine.graph"], object_pairs_hook=no_key_twice)
    json.loads(meta["engine.provenance"], object_pairs_hook=no_key_twice)
    at, first, strings = 0, {}, {}
    entries = sorted(header.items(), key=lambda e: e[1]["data_offsets"])
    for name, e in entries:
        begin, end = e["data_offsets"]
        assert begin == at and end >= begin, "a hole or an overlap"
        at = end
        count = 1
        for d in e["shape"]:
            count *= d
        assert count * BITS[e["dtype"]] == 8 * (end - begin)
        content = data[8 + n + begin:8 + n + end]
        if name in sections:
            assert begin % 64 == 0
            # The largest sections would take a minute here; their checksum covers the first and last bytes as any other.
            if len(content) <= 1 << 20:
                assert "%08x" % crc32c(content) == sections[name]["crc32c"], "checksum of " + name
            if sections[name].get("dtype") == "string":
                (k,) = sections[name]["shape"]
                offsets = struct.unpack_from("<%dQ" % (k + 1), content)
                text = content[8 * (k + 1):]
                strings[name] = "|".join(text[a:b].decode("utf-8") for a, b in zip(offsets, offsets[1:]))
            elif e["dtype"] == "F32":
                first[name] = struct.unpack_from("<f", content)[0]
        elif name.startswith("__padding__/"):
            assert e["dtype"] == "U8" and 0 < len(content) < 64 and not any(content)
        else:
            assert name == "__seal__" and len(content) == 64
    assert 8 + n + at == len(data) and entries[-1][0] == "__seal__"
    seal = data[-64:]
    assert seal[:8] == b"ENGSEAL1" and struct.unpack_from("<Q", seal, 8)[0] == len(data)
    assert struct.unpack_from("<I", seal, 16)[0] == crc32c(data[:8 + n])
    assert not any(seal[20:60]) and struct.unpack_from("<I", seal, 60)[0] == crc32c(seal[:60])
    json.dump({"sections": sections, "first": first, "strings": strings, "graph": graph["graph"]["name"]}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
