export default (input: any) => input ?? { $type: 'date', value: { $type: 'bigint', x: 1n } };
