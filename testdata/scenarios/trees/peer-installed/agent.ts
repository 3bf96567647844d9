import { sees } from 'framework-plugin';
export default sees;
