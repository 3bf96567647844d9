import whole from 'whole-module';
export default whole;
