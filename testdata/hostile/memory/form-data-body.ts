export default async () => {
  const form = new FormData();
  for (let number = 0; number < 100; number++) form.append('file', new Blob(['x'.repeat(1 << 20)]), `file ${number}`);
  return (await new Response(form).formData()).getAll('file').length;
};
