import speaks from 'speaks';
speaks.define('es', 'hola');
export default speaks;
