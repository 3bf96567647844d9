export default "base";
