const settled = await new Promise((resolve) => setTimeout(() => resolve('after a tick'), 1));
export default settled;
