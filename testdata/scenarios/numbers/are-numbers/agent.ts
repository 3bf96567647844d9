export default (input: any) => [typeof input.a, typeof input.b.c, Object.keys(input).length, input.a + input.b.c];
