export default () => {
  throw undefined;
};
