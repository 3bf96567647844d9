console.log('loaded', { with: ['a', 'value'] });
console.error('and complained');
export const value = 'said';
