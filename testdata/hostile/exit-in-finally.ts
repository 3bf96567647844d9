export default () => {
  try {
    throw new Error('hidden');
  } finally {
    process.exit(0);
  }
};
