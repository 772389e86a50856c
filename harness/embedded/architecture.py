"""The embedded base model before training: a small T5 in which copying is wired, and its tokenizer."""

from collections.abc import Iterable

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

VOCABULARY = 3072
WIDTH, HEADS = 128, 4
MAX_SOURCE_TOKENS = 512
LOCAL_BIAS = 8.0  # of a head's attention to its preferred distance
# How it answers unless told otherwise. A model that copies may go round in circles if it may repeat itself.
GENERATION = {"num_beams": 4, "early_stopping": True, "no_repeat_ngram_size": 4}
SAME_TOKEN, CONTINUATION = 0.3, 0.35  # sharpness of the wired matches


def build_tokenizer(texts: Iterable[str], vocabulary: int = VOCABULARY) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of these texts, with ``vocabulary`` tokens; other text is encoded in bytes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - 2,
        special_tokens=["<pad>", "</s>", "<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((text.replace("#Person", " ") for text in texts), trainer)
    tokenizer.add_tokens([AddedToken(f"#Person{number}#", normalized=False) for number in (1, 2)])
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=MAX_SOURCE_TOKENS,
        clean_up_tokenization_spaces=False,
    )


def new_model(seed: int) -> T5ForConditionalGeneration:
    """The model before training, with copying wired in."""
    torch.manual_seed(seed)
    config = T5Config(
        vocab_size=VOCABULARY,
        d_model=WIDTH,
        d_kv=WIDTH // HEADS,
        d_ff=2 * WIDTH,
        num_heads=HEADS,
        num_layers=4,
        num_decoder_layers=3,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,  # transformers 5 ties them anyway, but does not scale the output
        dropout_rate=0.0,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
    )
    model = T5ForConditionalGeneration(config)
    model.generation_config.update(**GENERATION)
    with torch.no_grad():
        wire(model)
    return model


def wire(model: T5ForConditionalGeneration) -> None:
    """Set embeddings and attention so that copying needs little learning; everything stays trainable.

    The output layer is separate, a rotation of the embedding: attention that applies the inverse rotation to a token
    outputs that token, while a token in the decoder itself outputs nothing.
    Encoder heads 0, 1 and 2 attend to one token back, one ahead and two back. Head 3 attends to the same token far
    away, and adds the token two positions before it (the speaker's tag, at the start of a turn).
    The decoder attends to positions after the token, or the two tokens, that it has just output.
    """
    rotation, reads, writes = (torch.linalg.qr(torch.randn(WIDTH, WIDTH))[0] for _ in range(3))
    back, ahead, second_back, far = (slice(32 * head, 32 * (head + 1)) for head in range(HEADS))
    model.shared.weight.normal_()
    model.lm_head.weight = torch.nn.Parameter(model.shared.weight @ rotation * WIDTH**-0.5)
    _set_distances(model)
    for number, block in enumerate(model.encoder.block):
        attention = block.layer[0].SelfAttention
        attention.q.weight[far] = attention.k.weight[far] = reads[far] * SAME_TOKEN**0.5
        if number == 0:
            for head in (back, second_back):
                attention.v.weight[head], attention.o.weight[:, head] = reads[head], writes[:, head]
        else:
            attention.v.weight[far], attention.o.weight[:, far] = writes[:, second_back].T, writes[:, far]
    for number, block in enumerate(model.decoder.block):
        if number == 0:
            attention = block.layer[0].SelfAttention
            attention.v.weight[back], attention.o.weight[:, back] = reads[second_back], writes[:, second_back]
        attention = block.layer[1].EncDecAttention
        attention.q.weight[back] = reads[back] * CONTINUATION**0.5
        attention.k.weight[back] = writes[:, back].T * CONTINUATION**0.5
        attention.q.weight[ahead] = (reads[back] + writes[:, second_back].T) * CONTINUATION**0.5 / 2
        attention.k.weight[ahead] = (writes[:, back] + writes[:, second_back]).T * CONTINUATION**0.5
        attention.v.weight.copy_(reads)
        attention.o.weight.copy_(rotation.T @ reads.T)
        attention.v.weight[far], attention.o.weight[:, far] = writes[:, far].T, rotation.T @ reads[second_back].T


def _set_distances(model: T5ForConditionalGeneration) -> None:
    """Set the distances that heads prefer in T5's position bias of shape (buckets, heads), which all layers share."""
    encoder = model.encoder.block[0].layer[0].SelfAttention.relative_attention_bias.weight
    decoder = model.decoder.block[0].layer[0].SelfAttention.relative_attention_bias.weight
    ahead = model.config.relative_attention_num_buckets // 2  # from here on: tokens that follow
    encoder[1, 0] = encoder[ahead + 1, 1] = encoder[2, 2] = LOCAL_BIAS
    encoder[:8, 3] = encoder[ahead : ahead + 8, 3] = -LOCAL_BIAS
    decoder[1, 0] = decoder[0, 1] = LOCAL_BIAS
