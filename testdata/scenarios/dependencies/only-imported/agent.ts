export default 'nothing imported';
