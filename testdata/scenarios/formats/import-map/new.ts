export default "mapped";
