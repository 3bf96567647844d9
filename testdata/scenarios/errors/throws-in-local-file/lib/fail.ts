export async function fail(): Promise<void> {
  await null;
  throw new Error('deep');
}
