export async function load() {
  const { answer } = await import('./lazy.js');
  return answer;
}
