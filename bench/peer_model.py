#!/usr/bin/env python3
"""Writes a GGUF model of random 8-bit weights (Q8_0) in the shape of a config.json.

    bench/peer_model.py tests/data/configs/peer-shape.json OUT.gguf --arch deepseek32

--arch is what the peer calls the model: deepseek32 (llama.cpp, sparse), glm-dsa (ik_llama.cpp,
sparse), deepseek2 (either, dense). The weights are noise: speed alone can be compared. As usual
converters do, vectors and the router stay float32 and the indexer's head weights float16.
"""
import argparse
import json
import math
import random
import struct

ALIGNMENT = 32
F32, F16, Q8_0 = 0, 1, 8
BLOCK = {F32: (1, 4), F16: (1, 2), Q8_0: (32, 34)}  # numbers and bytes of a block
INT32, UINT32, FLOAT32, BOOL, STRING, ARRAY = 5, 4, 6, 7, 8, 9
LETTER = {INT32: "i", UINT32: "I", FLOAT32: "f", BOOL: "B"}
CODE_DEVIATION = math.sqrt((256**2 - 1) / 12)  # of bytes that are uniform in [-128, 127]
POOL_BLOCKS = 8191  # of noise that is repeated; a length that fits no row


def text_value(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def plain_value(kind, value):
    return text_value(value) if kind == STRING else struct.pack("<" + LETTER[kind], value)


def padded(size):
    return (size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


class Noise:
    """Random weights. Blocks come from a pool; a tensor starts where the one before ended."""

    def __init__(self):
        self.random = random.Random(1)
        codes = self.random.randbytes(32 * POOL_BLOCKS)
        self.codes = [codes[i : i + 32] for i in range(0, len(codes), 32)]
        self.first_block = 0

    def take(self, kind, count, deviation):
        if kind != Q8_0:
            values = [self.random.gauss(0, deviation) for _ in range(count)]
            return struct.pack(f"<{count}{'f' if kind == F32 else 'e'}", *values)
        scale = struct.pack("<e", deviation / CODE_DEVIATION)
        turned = self.codes[self.first_block :] + self.codes[: self.first_block]
        pool = b"".join(scale + codes for codes in turned)
        blocks = count // 32
        self.first_block = (self.first_block + blocks) % POOL_BLOCKS
        return pool * (blocks // POOL_BLOCKS) + pool[: blocks % POOL_BLOCKS * 34]


class Model:
    def __init__(self):
        self.metadata = []
        self.tensors = []  # (name, shape, kind, deviation, or the one value as a tuple)

    def set(self, key, kind, value):
        self.metadata.append(text_value(key) + struct.pack("<I", kind) + plain_value(kind, value))

    def set_array(self, key, kind, values):
        body = b"".join(plain_value(kind, value) for value in values)
        head = struct.pack("<IIQ", ARRAY, kind, len(values))
        self.metadata.append(text_value(key) + head + body)

    def matrix(self, name, shape, kind=Q8_0, deviation=None):
        """shape[0] inputs. Unit variance stays unit variance unless a deviation is given."""
        self.tensors.append((name, shape, kind, deviation or 1 / math.sqrt(shape[0])))

    def vector(self, name, count, value):
        self.tensors.append((name, (count,), F32, (value,)))

    def write(self, path):
        infos, offset = [], 0
        for name, shape, kind, _ in self.tensors:
            numbers, size = BLOCK[kind]
            extents = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
            infos.append(text_value(name) + extents + struct.pack("<IQ", kind, offset))
            offset += padded(math.prod(shape) // numbers * size)
        head = b"GGUF" + struct.pack("<IQQ", 3, len(self.tensors), len(self.metadata))
        head += b"".join(self.metadata) + b"".join(infos)
        noise = Noise()
        with open(path, "wb") as file:
            file.write(head.ljust(padded(len(head)), b"\0"))
            for _, shape, kind, values in self.tensors:
                count = math.prod(shape)
                if isinstance(values, tuple):
                    data = struct.pack("<f", *values) * count
                else:
                    data = noise.take(kind, count, values)
                file.write(data.ljust(padded(len(data)), b"\0"))


def set_metadata(model, arch, c):
    model.set("general.architecture", STRING, arch)
    model.set("general.name", STRING, "random-" + arch)
    model.set("general.file_type", UINT32, 7)
    model.set("general.quantization_version", UINT32, 2)
    latent = c["kv_lora_rank"] + c["qk_rope_head_dim"]
    numbers = {
        "block_count": c["num_hidden_layers"],
        "context_length": c["max_position_embeddings"],
        "embedding_length": c["hidden_size"],
        "feed_forward_length": c["intermediate_size"],
        "attention.head_count": c["num_attention_heads"],
        "attention.head_count_kv": 1,
        "expert_used_count": c["num_experts_per_tok"],
        "expert_count": c["n_routed_experts"],
        "expert_shared_count": c["n_shared_experts"],
        "expert_gating_func": 2,
        "expert_feed_forward_length": c["moe_intermediate_size"],
        "leading_dense_block_count": c["first_k_dense_replace"],
        "vocab_size": c["vocab_size"],
        "attention.q_lora_rank": c["q_lora_rank"],
        "attention.kv_lora_rank": c["kv_lora_rank"],
        "attention.key_length": latent,
        "attention.value_length": c["kv_lora_rank"],
        "attention.key_length_mla": c["qk_nope_head_dim"] + c["qk_rope_head_dim"],
        "attention.value_length_mla": c["v_head_dim"],
        "rope.dimension_count": c["qk_rope_head_dim"],
        "expert_group_count": c["n_group"],
        "expert_group_used_count": c["topk_group"],
    }
    for key, value in numbers.items():
        model.set(f"{arch}.{key}", UINT32, value)
    model.set(f"{arch}.rope.freq_base", FLOAT32, c["rope_theta"])
    model.set(f"{arch}.attention.layer_norm_rms_epsilon", FLOAT32, c["rms_norm_eps"])
    model.set(f"{arch}.expert_weights_scale", FLOAT32, c["routed_scaling_factor"])
    model.set(f"{arch}.expert_weights_norm", BOOL, c["norm_topk_prob"])
    if arch != "deepseek2":
        model.set(f"{arch}.attention.indexer.head_count", UINT32, c["index_n_heads"])
        model.set(f"{arch}.attention.indexer.key_length", UINT32, c["index_head_dim"])
        model.set(f"{arch}.attention.indexer.top_k", UINT32, c["index_topk"])
        model.set(f"{arch}.nextn_predict_layers", UINT32, 0)


def set_vocabulary(model, size):
    """Bytes and plain pieces: every version can load it."""
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    kinds = [2, 3, 3] + [6] * 256
    kinds += [1] * (size - len(pieces))
    pieces += [f"\u2581w{i}" for i in range(size - len(pieces))]
    model.set("tokenizer.ggml.model", STRING, "llama")
    model.set("tokenizer.ggml.pre", STRING, "default")
    model.set_array("tokenizer.ggml.tokens", STRING, pieces)
    model.set_array("tokenizer.ggml.scores", FLOAT32, [-float(i) for i in range(size)])
    model.set_array("tokenizer.ggml.token_type", INT32, kinds)
    model.set("tokenizer.ggml.bos_token_id", UINT32, 1)
    model.set("tokenizer.ggml.eos_token_id", UINT32, 2)


def add_attention(model, block, c, has_indexer):
    hidden, heads, latent = c["hidden_size"], c["num_attention_heads"], c["kv_lora_rank"]
    nope, rope, v = c["qk_nope_head_dim"], c["qk_rope_head_dim"], c["v_head_dim"]
    model.vector(block + "attn_norm.weight", hidden, 1.0)
    model.vector(block + "attn_q_a_norm.weight", c["q_lora_rank"], 1.0)
    model.vector(block + "attn_kv_a_norm.weight", latent, 1.0)
    model.vector(block + "ffn_norm.weight", hidden, 1.0)
    model.matrix(block + "attn_q_a.weight", (hidden, c["q_lora_rank"]))
    model.matrix(block + "attn_q_b.weight", (c["q_lora_rank"], heads * (nope + rope)))
    model.matrix(block + "attn_kv_a_mqa.weight", (hidden, latent + rope))
    model.matrix(block + "attn_k_b.weight", (nope, latent, heads))
    model.matrix(block + "attn_v_b.weight", (latent, v, heads))
    model.matrix(block + "attn_output.weight", (heads * v, hidden))
    if has_indexer:
        dim, count = c["index_head_dim"], c["index_n_heads"]
        model.vector(block + "indexer.k_norm.weight", dim, 1.0)
        model.vector(block + "indexer.k_norm.bias", dim, 0.0)
        model.matrix(block + "indexer.proj.weight", (hidden, count), F16)
        model.matrix(block + "indexer.attn_k.weight", (hidden, dim))
        model.matrix(block + "indexer.attn_q_b.weight", (c["q_lora_rank"], count * dim))


def add_feed_forward(model, block, c, is_dense):
    hidden, experts = c["hidden_size"], c["n_routed_experts"]
    parts = [("", c["intermediate_size"], ())]
    if not is_dense:
        model.matrix(block + "ffn_gate_inp.weight", (hidden, experts), F32)
        model.vector(block + "exp_probs_b.bias", experts, 0.0)
        width = c["moe_intermediate_size"]
        parts = [("_exps", width, (experts,)), ("_shexp", width * c["n_shared_experts"], ())]
    for suffix, width, count in parts:
        model.matrix(f"{block}ffn_gate{suffix}.weight", (hidden, width) + count)
        model.matrix(f"{block}ffn_up{suffix}.weight", (hidden, width) + count)
        model.matrix(f"{block}ffn_down{suffix}.weight", (width, hidden) + count)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("config")
    parser.add_argument("out")
    parser.add_argument("--arch", required=True, choices=["deepseek32", "glm-dsa", "deepseek2"])
    options = parser.parse_args()
    with open(options.config, encoding="utf-8") as file:
        c = json.load(file)
    model = Model()
    set_metadata(model, options.arch, c)
    set_vocabulary(model, c["vocab_size"])
    hidden, vocab = c["hidden_size"], c["vocab_size"]
    model.matrix("token_embd.weight", (hidden, vocab), deviation=1.0)
    model.vector("output_norm.weight", hidden, 1.0)
    model.matrix("output.weight", (hidden, vocab))
    for layer in range(c["num_hidden_layers"]):
        block = f"blk.{layer}."
        add_attention(model, block, c, has_indexer=options.arch != "deepseek2")
        add_feed_forward(model, block, c, is_dense=layer < c["first_k_dense_replace"])
    model.write(options.out)


main()
