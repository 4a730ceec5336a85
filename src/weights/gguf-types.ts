/** How a tensor type of GGUF packs its elements: so many in a block of so many bytes. */
export type Packing = readonly [name: string, elements: bigint, bytes: bigint];

/**
 * The types that files store, by their numbers. Numbers and sizes are those of ggml-org/llama.cpp: `GGMLQuantizationType` and `GGML_QUANT_SIZES` of
 * gguf-py/gguf/constants.py at commit 0024aa7, and the blocks of ggml/src/ggml-common.h at commit 01243c5; the number of Q2_0 is in neither and is what forks
 * say of it. Q8_1 (9) and Q8_K (15) are for computation alone, and 4, 5, 31 to 33 and 36 to 38 were removed: files with them are refused.
 */
export const packings: ReadonlyMap<number, Packing> = new Map<number, Packing>([
  [0, ["F32", 1n, 4n]],
  [1, ["F16", 1n, 2n]],
  [2, ["Q4_0", 32n, 18n]],
  [3, ["Q4_1", 32n, 20n]],
  [6, ["Q5_0", 32n, 22n]],
  [7, ["Q5_1", 32n, 24n]],
  [8, ["Q8_0", 32n, 34n]],
  [10, ["Q2_K", 256n, 84n]],
  [11, ["Q3_K", 256n, 110n]],
  [12, ["Q4_K", 256n, 144n]],
  [13, ["Q5_K", 256n, 176n]],
  [14, ["Q6_K", 256n, 210n]],
  [16, ["IQ2_XXS", 256n, 66n]],
  [17, ["IQ2_XS", 256n, 74n]],
  [18, ["IQ3_XXS", 256n, 98n]],
  [19, ["IQ1_S", 256n, 50n]],
  [20, ["IQ4_NL", 32n, 18n]],
  [21, ["IQ3_S", 256n, 110n]],
  [22, ["IQ2_S", 256n, 82n]],
  [23, ["IQ4_XS", 256n, 136n]],
  [24, ["I8", 1n, 1n]],
  [25, ["I16", 1n, 2n]],
  [26, ["I32", 1n, 4n]],
  [27, ["I64", 1n, 8n]],
  [28, ["F64", 1n, 8n]],
  [29, ["IQ1_M", 256n, 56n]],
  [30, ["BF16", 1n, 2n]],
  [34, ["TQ1_0", 256n, 54n]],
  [35, ["TQ2_0", 256n, 66n]],
  [39, ["MXFP4", 32n, 17n]],
  [40, ["NVFP4", 64n, 36n]],
  [41, ["Q1_0", 128n, 18n]],
  [42, ["Q2_0", 64n, 18n]],
]);

/** The bytes of each metadata value of fixed size, by its type; 8 is a text and 9 an array. */
export const scalarBytes: ReadonlyMap<number, number> = new Map([
  [0, 1],
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 4],
  [5, 4],
  [6, 4],
  [7, 1],
  [10, 8],
  [11, 8],
  [12, 8],
]);

export const valueTypes = { uint16: 2, uint32: 4, boolean: 7, text: 8, array: 9 } as const;
