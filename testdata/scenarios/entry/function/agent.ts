export default function main(input: { name: string }, ctx: unknown) {
  return { greeting: `hello ${input.name}`, context: typeof ctx };
}
