using System.Buffers.Binary;
using Engine.Tensors;

namespace Engine.Peers;

/// <summary>
/// A weight in codes as blocks of ggml: Q4_0 (4 bits, groups of 32), Q8_0 (8 bits, groups of 32) or TQ2_0 (ternary, groups of 256), whose
/// zero point is in the middle. The values are the same, so that results can be compared.
/// </summary>
/// <param name="Type">ggml's number of the type.</param>
/// <param name="Group">Codes a block.</param>
/// <param name="BlockBytes">Bytes a block.</param>
/// <param name="Repacked">True where ggml has a faster layout, which it makes itself.</param>
internal sealed record GgmlWeight(int Type, int Group, int BlockBytes, bool Repacked)
{
    private static readonly GgmlWeight s_q4 = new(2, 32, 18, true), s_q8 = new(8, 32, 34, false), s_tq2 = new(35, 256, 66, false);

    /// <summary>The type of a node's weight, or null where there is none for it.</summary>
    public static GgmlWeight? Of(PeerNode node) => !node.IsMatMulNBits || node.Inputs.Count > 3 || node.Inputs[0].Shape[1] % node.Longs("block_size", 0)[0] != 0 ? null : (node.Longs("bits", 0)[0], node.Longs("block_size", 0)[0]) switch
    {
        (4, 32) => s_q4,
        (8, 32) => s_q8,
        (2, 256) => s_tq2,
        _ => null,
    };

    /// <summary>Codes u8 [n, blocks, bytes] and scales f32, which are halves, as blocks row by row.</summary>
    public byte[] Make(Tensor codes, Tensor scales)
    {
        ReadOnlySpan<float> scale = scales.Span<float>();
        ReadOnlySpan<byte> from = codes.Bytes;
        int bytes = from.Length / scale.Length;
        var blocks = new byte[(long)scale.Length * BlockBytes];
        for (int b = 0; b < scale.Length; b++)
        {
            var to = blocks.AsSpan(b * BlockBytes, BlockBytes);
            var source = from.Slice(b * bytes, bytes);
            var half = (Half)scale[b];
            if ((float)half != scale[b]) throw new PeerException($"ggml: scale {scale[b]} is no half");
            if (Type == s_tq2.Type)
            {
                // Codes 1 to 3 stand for −1 to 1: ggml counts from 0. A byte holds columns 32 apart.
                for (int i = 0; i < Group; i++)
                {
                    int code = (source[i / 4] >> i % 4 * 2 & 3) - 1;
                    if (code < 0) throw new PeerException("ggml: a ternary weight has the codes 1, 2 and 3");
                    to[i / 128 * 32 + i % 32] |= (byte)(code << i % 128 / 32 * 2);
                }
                BinaryPrimitives.WriteHalfLittleEndian(to[64..], half);
                continue;
            }
            BinaryPrimitives.WriteHalfLittleEndian(to, half);
            if (Type == s_q8.Type) for (int i = 0; i < Group; i++) to[2 + i] = (byte)(source[i] ^ 0x80);
            // A byte holds columns 16 apart.
            else for (int i = 0; i < Group; i++) to[2 + i % 16] |= (byte)((source[i / 2] >> i % 2 * 4 & 15) << i / 16 * 4);
        }
        return blocks;
    }
}
