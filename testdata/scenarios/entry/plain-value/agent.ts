export default { answer: [42, 'yes', null, true] };
