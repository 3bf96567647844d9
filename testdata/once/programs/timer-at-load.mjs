const fired = new Promise((resolve) => setTimeout(resolve, 5, 'fired'));
export default () => fired;
