export default async () => {
  const kept: Response[] = [];
  const body = () => new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1 << 16).fill(1)) });
  for (let response = new Response(body()); ; response = response.clone()) {
    kept.push(response);
    if (kept.length > 200) await kept[0]!.text();
  }
};
