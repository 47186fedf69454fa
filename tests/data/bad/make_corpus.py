#!/usr/bin/env python3
"""Writes the corpus of broken safetensors files, shard indexes, tokenizers and chat messages beside
this script, and the sentence that each must be answered with (safetensors.json, index_json.json,
...), with its error code where that is not invalid_file. The files also seed the fuzz targets, and
so do the broken configs of config_fields.json, written to fuzz/corpus. Run it again after changing
a case; its output is committed."""
import json
import os
import shutil
import struct

HERE = os.path.dirname(os.path.abspath(__file__))


def entry(dtype="U8", shape=(4,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def pack(header, data=b"\0" * 4, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


TRUNCATED = "it is truncated, download it again"
SAFETENSORS = {
    "empty": (b"", "has 0 bytes, a safetensors file has at least 8; download it again"),
    "seven_bytes": (b"\2\0\0\0\0\0\0", "has 7 bytes, a safetensors file has at least 8; download it again"),
    "header_cut": (pack(b"{}", b"", 100), "ends within its header (100 bytes declared, 2 there); download it again"),
    "header_too_long": (pack(b"{}", b"", 100_000_001), "declares a header of 100000001 bytes, at most 100000000 are allowed; not a safetensors file?"),
    "length_overflow": (pack(b"{}", b"", 2**64 - 1), "declares a header of 18446744073709551615 bytes, at most 100000000 are allowed; not a safetensors file?"),
    "no_header": (pack(b"", b""), "has a header that does not begin with '{'; not a safetensors file?"),
    "leading_space": (pack(b" {}", b""), "has a header that does not begin with '{'; not a safetensors file?"),
    "array": (pack(b"[]", b""), "has a header that does not begin with '{'; not a safetensors file?"),
    "not_json": (pack(b"{\"a\": }", b""), "is not valid JSON at line 1, column 7"),
    "trailing_text": (pack(b"{} x", b""), "is not valid JSON at line 1, column 4"),
    "nul_padding": (pack(b"{}\0\0", b""), "is not valid JSON (NUL byte) at line 1, column 3"),
    "not_utf8": (pack(b"{\"\xff\": 1}", b""), "is not valid UTF-8 at line 1, column 3"),
    "surrogate": (pack(b"{\"\\ud800\": 1}", b""), "is not valid JSON at line 1, column 9"),
    "deep": (pack(b"{\"a\":" * 65 + b"1" + b"}" * 65, b""), "nests JSON deeper than 64 levels"),
    "duplicate_name": (pack(b'{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}'), 'has the key "a" twice in one object'),
    "duplicate_field": (pack(b'{"a":{"dtype":"U8","shape":[4],"shape":[4],"data_offsets":[0,4]}}'), 'has the key "shape" twice in one object'),
    "entry_is_number": (pack({"a": 1}), 'tensor "a": an object with dtype, shape and data_offsets is expected'),
    "no_dtype": (pack({"a": {"shape": [4], "data_offsets": [0, 4]}}), 'tensor "a": dtype must be a string'),
    "dtype_number": (pack({"a": entry(dtype=8)}), 'tensor "a": dtype must be a string'),
    "no_shape": (pack({"a": {"dtype": "U8", "data_offsets": [0, 4]}}), 'tensor "a": shape must be an array'),
    "no_offsets": (pack({"a": {"dtype": "U8", "shape": [4]}}), 'tensor "a": data_offsets must be an array'),
    "unknown_field": (pack({"a": {**entry(), "strides": [1]}}), 'tensor "a": unknown field "strides"'),
    "negative_extent": (pack({"a": entry(shape=(-4,))}), 'tensor "a": shape holds -4, where a whole number from 0 to 2^63-1 is expected'),
    "fraction": (pack({"a": entry(shape=(4.0,))}), 'tensor "a": shape holds 4.0, where a whole number from 0 to 2^63-1 is expected'),
    "extent_is_object": (pack({"a": entry(shape=({},))}), 'tensor "a": shape holds object, where a whole number from 0 to 2^63-1 is expected'),
    "huge_offset": (pack({"a": entry(offsets=(0, 2**63))}), 'tensor "a": data_offsets holds 9223372036854775808, where a whole number from 0 to 2^63-1 is expected'),
    "three_offsets": (pack({"a": entry(offsets=(0, 4, 8))}), 'tensor "a": data_offsets must be [begin, end] with begin <= end'),
    "reversed_offsets": (pack({"a": entry(offsets=(4, 0))}), 'tensor "a": data_offsets must be [begin, end] with begin <= end'),
    "product_overflow": (pack({"a": entry(shape=(2**32, 2**32))}), 'tensor "a": shape [4294967296, 4294967296] overflows 64 bits'),
    "byte_overflow": (pack({"a": entry(dtype="F64", shape=(2**61,))}), 'tensor "a": shape [2305843009213693952] overflows 64 bits'),
    "wrong_size": (pack({"a": entry(dtype="F32", shape=(2,))}), 'tensor "a": shape [2] of F32 takes 8 bytes, data_offsets span 4'),
    "data_cut": (pack({"a": entry(shape=(8,), offsets=(0, 8))}), f'tensor "a" ends at byte 8 of the data, but the file has only 4; {TRUNCATED}'),
    "gap_at_start": (pack({"a": entry(shape=(2,), offsets=(2, 4))}), 'tensor "a" begins at byte 2 of the data, expected 0 (a gap)'),
    "gap": (pack({"a": entry(shape=(1,), offsets=(0, 1)), "b": entry(shape=(2,), offsets=(2, 4))}), 'tensor "b" begins at byte 2 of the data, expected 1 (a gap)'),
    "overlap": (pack({"a": entry(shape=(3,), offsets=(0, 3)), "b": entry(shape=(2,), offsets=(2, 4))}), 'tensor "b" begins at byte 2 of the data, expected 3 (an overlap)'),
    "same_bytes_twice": (pack({"a": entry(), "b": entry()}), 'tensor "b" begins at byte 0 of the data, expected 4 (an overlap)'),
    "bytes_left_over": (pack({"a": entry(shape=(3,), offsets=(0, 3))}), "holds 1 bytes after its last tensor, which ends at byte 3 of the data"),
    "no_tensors_but_data": (pack({}), "holds 4 bytes after its last tensor, which ends at byte 0 of the data"),
    "metadata_list": (pack({"__metadata__": [], "a": entry()}), "__metadata__ must be an object of strings"),
    "metadata_number": (pack({"__metadata__": {"step": 3}, "a": entry()}), '__metadata__ "step" must be a string'),
    "name_for_a_terminal": (pack({"\x1b[31ma\nb": entry(dtype=8)}), 'tensor "\\x1b[31ma\\nb": dtype must be a string'),
    "long_name": (pack({"x" * 200: entry(dtype=8)}), f'tensor "{"x" * 80}...": dtype must be a string'),
    "extent_is_text": (pack({"a": entry(shape=("\r" + "4" * 200,))}), f'tensor "a": shape holds "\\r{"4" * 79}...", where a whole number from 0 to 2^63-1 is expected'),
    "many_extents": (pack({"a": entry(dtype="F64", shape=(1,) * 99)}), 'tensor "a": shape [1, 1, 1, 1, 1, 1, 1, 1, ...] of F64 takes 8 bytes, data_offsets span 4'),
}

PLAIN = "where a plain *.safetensors name in the same folder is expected"


def index(name):
    return json.dumps({"metadata": {"total_size": 4}, "weight_map": {"a": name}}).encode()


INDEX = {
    "empty": (b"", "is not valid JSON at line 1, column 1"),
    "not_json": (b"{", "is not valid JSON at line 1, column 2"),
    "not_utf8": (b"{\"weight_map\": {\"\xc3(\": \"m.safetensors\"}}", "is not valid UTF-8 at line 1, column 18"),
    "list": (b"[]", 'an object with "weight_map": {tensor name: file name} is expected'),
    "no_map": (b"{\"metadata\": {}}", 'an object with "weight_map": {tensor name: file name} is expected'),
    "map_is_list": (b"{\"weight_map\": []}", 'an object with "weight_map": {tensor name: file name} is expected'),
    "number": (b"{\"weight_map\": {\"a\": 1}}", 'weight_map "a" must be a file name'),
    "twice": (b"{\"weight_map\": {\"a\": \"x.safetensors\", \"a\": \"y.safetensors\"}}", 'has the key "a" twice in one object'),
    "parent": (index("../model.safetensors"), f'weight_map "a" names "../model.safetensors", {PLAIN}'),
    "dots": (index("..safetensors"), f'weight_map "a" names "..safetensors", {PLAIN}'),
    "absolute": (index("/etc/model.safetensors"), f'weight_map "a" names "/etc/model.safetensors", {PLAIN}'),
    "folder": (index("shards/model.safetensors"), f'weight_map "a" names "shards/model.safetensors", {PLAIN}'),
    "backslash": (index("a\\model.safetensors"), f'weight_map "a" names "a\\\\model.safetensors", {PLAIN}'),
    "nul": (index("m\0.safetensors"), f'weight_map "a" names "m\\x00.safetensors", {PLAIN}'),
    "escape": (index("\x1b[2J.safetensors"), f'weight_map "a" names "\\x1b[2J.safetensors", {PLAIN}'),
    "long": (index("m" * 244 + ".safetensors"), f'weight_map "a" names "{"m" * 80}...", {PLAIN}'),
    "extension": (index("model.bin"), f'weight_map "a" names "model.bin", {PLAIN}'),
    "only_extension": (index(".safetensors"), f'weight_map "a" names ".safetensors", {PLAIN}'),
}


def byte_stand_ins():
    """The printable characters that stand for the 256 bytes in byte-level vocabularies (GPT-2)."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + i): byte for i, byte in enumerate(others)}


def tokenizer(pattern="[0-9]", **changes):
    """A whole tokenizer.json of 256 bytes, "ab" and the added token "<x>", with changes of model."""
    model = {"type": "BPE", "vocab": {**byte_stand_ins(), "ab": 256}, "merges": ["a b"], **changes}
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    bytes_ = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
    return {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, bytes_]}, "decoder": {"type": "ByteLevel"},
            "added_tokens": [{"id": 300, "content": "<x>", "special": True}], "model": model}


def packed(document):
    return json.dumps(document, ensure_ascii=False).encode()


NO_A = {character: byte for character, byte in byte_stand_ins().items() if byte != ord("a")}
TWICE = packed(tokenizer()).replace(b'"ab": 256', b'"ab": 256, "ab": 257')
UNSUPPORTED = "unsupported"
TOKENIZER = {
    "not_utf8": (b'{"model": "\xff"}', "the file is not valid UTF-8"),
    "list": (b"[]", "an object expected, got an array"),
    "no_model": (b"{}", 'the key "model" is missing'),
    "no_vocab": (b'{"model": {"type": "BPE"}, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}}', 'model: the key "vocab" is missing'),
    "unigram": (packed({"model": {"type": "Unigram"}}), "model: the model type Unigram is not supported, only BPE", UNSUPPORTED),
    "type_for_a_terminal": (packed({"model": {"type": "\x1b]0;x\x07"}}), "model: the model type \\x1b]0;x\\x07 is not supported, only BPE", UNSUPPORTED),
    "long_type": (packed({"model": {"type": "x" * 200}}), f"model: the model type {'x' * 80}... is not supported, only BPE", UNSUPPORTED),
    "normalizer": (packed({**tokenizer(), "normalizer": {"type": "NFC"}}), "normalizer: the normalizer NFC is not supported: only a tokenizer that takes text as it is", UNSUPPORTED),
    "truncation": (packed({**tokenizer(), "truncation": {"max_length": 2}}), "truncation: null expected: only a tokenizer that takes text as it is is supported", UNSUPPORTED),
    "anchor": (packed(tokenizer("^a")), "pre_tokenizer pattern 0: the anchor ^ is not supported in a pattern", UNSUPPORTED),
    "multiline": (packed(tokenizer("(?m)a.")), "pre_tokenizer pattern 0: (?m) is not supported in a pattern", UNSUPPORTED),
    "character_behind_options": (packed(tokenizer("(?i\uff5ca")), "pre_tokenizer pattern 0: (?i\uff5c is not supported in a pattern", UNSUPPORTED),
    "nested_class": (packed(tokenizer("[a[bc]]")), "pre_tokenizer pattern 0: a nested character class or && is not supported in a pattern", UNSUPPORTED),
    "open_group": (packed(tokenizer("(a")), "pre_tokenizer pattern 0: the pattern (a does not compile: missing closing parenthesis"),
    "no_byte": (packed(tokenizer(vocab=NO_A, merges=[])), 'model.vocab: no token for the byte 0x61 (its stand-in is "a")'),
    "token_twice": (TWICE, 'model.vocab: the token "ab" is listed twice'),
    "id_is_text": (packed(tokenizer(vocab={**byte_stand_ins(), "a\nb": "x"})), "model.vocab.a\\nb: an integer expected, got a string"),
    "merge_of_nothing": (packed(tokenizer(merges=["a zz"])), 'model.merges[0]: the token "zz" is not in model.vocab'),
    "long_merge": (packed(tokenizer(merges=["\x1b" + "a" * 200])), f'model.merges[0]: "left right" with one space expected, got "\\x1b{"a" * 79}..."'),
    "added_takes_an_id": (packed({**tokenizer(), "added_tokens": [{"id": 256, "content": "<\r>"}]}), 'added_tokens: the id 256 of "<\\r>" belongs to the token "ab"'),
}


def messages(*contents):
    return packed({"messages": list(contents)})


USER = {"role": "user", "content": "x"}
INVALID = "invalid_argument"
CHAT = {
    "not_json": (b"[{", "the text is not valid JSON: a key in quotes expected at byte 2", INVALID),
    "not_utf8": (b'"\xff"', "the JSON text is not valid UTF-8", INVALID),
    "number": (b"3", 'an array of messages or an object with the key "messages" expected, got an integer', INVALID),
    "no_messages": (b"{}", 'the key "messages" is missing', INVALID),
    "empty": (b"[]", "messages: at least one message expected", INVALID),
    "message_is_number": (messages(1), "messages[0]: an object expected, got an integer", INVALID),
    "no_role": (messages({"content": "x"}), 'messages[0]: the key "role" is missing', INVALID),
    "role_for_a_terminal": (messages({"role": "\x1b[31mking", "content": "x"}), 'messages[0].role: system, developer, user, assistant or tool expected, got "\\x1b[31mking"', INVALID),
    "long_role": (messages({"role": "x" * 200}), f'messages[0].role: system, developer, user, assistant or tool expected, got "{"x" * 80}..."', INVALID),
    "no_content": (messages(USER, {"role": "user"}), 'messages[1]: the key "content" is missing', INVALID),
    "image": (messages({"role": "user", "content": [{"type": "image_url"}]}), 'messages[0].content[0]: only parts of type "text" are supported', INVALID),
    "prefix_first": (messages({"role": "assistant", "prefix": True}, USER), "messages[0].prefix: only the last message may be a prefix", INVALID),
    "arguments_are_an_object": (messages({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}), "messages[0].tool_calls[0].function.arguments: a string expected, got an object", INVALID),
    "nameless_tool": (packed({"messages": [USER], "tools": [{"function": {"name": ""}}]}), "tools[0].function.name: a function needs a name", INVALID),
}


def write(folder, extension, cases):
    path = os.path.join(HERE, folder)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    rows = []
    for name, (content, message, *code) in cases.items():
        with open(os.path.join(path, name + extension), "wb") as file:
            file.write(content)
        row = {"file": f"{folder}/{name}{extension}", "message": message}
        rows.append(json.dumps(row | ({"code": code[0]} if code else {})))
    with open(os.path.join(HERE, folder + ".json"), "w") as file:
        file.write("[\n" + ",\n".join(rows) + "\n]\n")


write("safetensors", ".safetensors", SAFETENSORS)
write("index_json", ".json", INDEX)
write("tokenizer_json", ".json", TOKENIZER)
write("chat_messages", ".json", CHAT)


def merge_patch(document, patch):
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def write_config_seeds():
    folder = os.path.join(HERE, "../../../fuzz/corpus/config_json")
    with open(os.path.join(HERE, "config_fields.json")) as file:
        cases = json.load(file)
    for case in cases:
        with open(os.path.join(HERE, "../config", case["base"])) as file:
            config = merge_patch(json.load(file), case["patch"])
        with open(os.path.join(folder, f"bad_{case['name']}.json"), "w") as file:
            json.dump(config, file)


write_config_seeds()
