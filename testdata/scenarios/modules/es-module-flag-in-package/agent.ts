import seen from 'flag-user';
export default seen;
