export default (input: { text: string }) => ({ back: input.text, own: 'grüße 🚀 \u2029', length: [...'🚀'].length });
