import text from '/etc/passwd';
export default text;
