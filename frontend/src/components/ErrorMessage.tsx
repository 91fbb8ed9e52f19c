import { Warning } from './Icons';

export function ErrorMessage({ children }: { children: string }) {
  return (
    <p className="error" data-testid="error-message">
      <Warning />
      <span>{children}</span>
    </p>
  );
}
