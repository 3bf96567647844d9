const { stdin } = process;
export const value = async () => {
  let text = '';
  for await (const chunk of stdin) text += chunk;
  return text;
};
