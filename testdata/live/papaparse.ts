import Papa from 'npm:papaparse@5.4.1';

export default () => {
  const parsed = Papa.parse('name,age,note\nAda,36,"a ""quoted"", note"\nBob,7,\n', { header: true, dynamicTyping: true, skipEmptyLines: true });
  return { data: parsed.data, errors: parsed.errors, fields: parsed.meta.fields, csv: Papa.unparse([{ a: 1, b: 'x,y' }, { a: 2, b: null }]) };
};
