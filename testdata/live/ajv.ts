import Ajv from 'npm:ajv@8.17.1';
import addFormats from 'npm:ajv-formats@3.0.1';

export default () => {
  // Node gives a module of its own kind all of module.exports, TypeScript's way is the default in it.
  const AjvClass = (Ajv as any).default ?? Ajv;
  const add = (addFormats as any).default ?? addFormats;
  const ajv = new AjvClass({ allErrors: true });
  add(ajv);
  const validate = ajv.compile({
    type: 'object',
    properties: { email: { type: 'string', format: 'email' }, when: { type: 'string', format: 'date' }, count: { type: 'integer', minimum: 1 } },
    required: ['email', 'count'],
    additionalProperties: false,
  });
  return [
    [validate({ email: 'ada@example.com', when: '2024-02-29', count: 2 }), ajv.errorsText(validate.errors)],
    [validate({ email: 'nobody', when: '2023-02-29', extra: 1 }), ajv.errorsText(validate.errors)],
  ];
};
