// What an agent may write when it is asked "which of these invoices are overdue, and what do they come to?": a small web
// application that checks its input, groups it and answers; called here with a request of its own.
import { differenceInCalendarDays, format, parseISO } from 'date-fns';
import { Hono } from 'hono';
import { groupBy, round, sumBy } from 'lodash-es';
import { z } from 'zod';

const Invoice = z.object({ customer: z.string().min(1), amount: z.number().positive(), due: z.string().date() });
const Question = z.object({ today: z.string().date(), invoices: z.array(Invoice) });

const app = new Hono();

app.post('/overdue', async (context) => {
  const question = Question.safeParse(await context.req.json());
  if (!question.success) {
    return context.json({ problems: question.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`) }, 400);
  }
  const today = parseISO(question.data.today);
  const overdue = question.data.invoices
    .map((invoice) => ({ ...invoice, days: differenceInCalendarDays(today, parseISO(invoice.due)) }))
    .filter((invoice) => invoice.days > 0);
  const customers = Object.entries(groupBy(overdue, 'customer')).map(([customer, invoices]) => ({
    customer,
    owes: round(sumBy(invoices, 'amount'), 2),
    longest: `${Math.max(...invoices.map((invoice) => invoice.days))} days`,
  }));
  return context.json({ asOf: format(today, 'd MMMM yyyy'), customers, total: round(sumBy(overdue, 'amount'), 2) });
});

const example = {
  today: '2026-11-25',
  invoices: [
    { customer: 'Ada Ltd', amount: 120.5, due: '2026-10-01' },
    { customer: 'Ada Ltd', amount: 79.99, due: '2026-11-20' },
    { customer: 'Babbage & Co', amount: 310, due: '2026-12-24' },
    { customer: 'Curie SA', amount: 45.25, due: '2026-11-11' },
  ],
};

export default async (input: unknown = example) => {
  const response = await app.request('/overdue', { method: 'POST', body: JSON.stringify(input) });
  return response.json();
};
