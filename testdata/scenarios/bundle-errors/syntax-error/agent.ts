const fine = 1;
export default {;
