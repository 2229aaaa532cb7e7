import type { ButtonHTMLAttributes } from "react";

const LOOKS = {
  solid: "bg-accent text-accent-ink hover:brightness-110 border-transparent",
  plain: "bg-surface text-ink border-line hover:border-accent hover:text-accent",
  quiet: "bg-transparent text-muted border-transparent hover:bg-sunken hover:text-ink",
} as const;

const SIZES = { normal: "min-h-10 px-4 text-sm", small: "min-h-8 px-2.5 text-sm" } as const;

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: keyof typeof LOOKS;
  size?: keyof typeof SIZES;
}

export function Button({ look = "plain", size = "normal", className = "", type = "button", ...rest }: ButtonProps) {
  return (
    <button
      type={type}
      className={`inline-flex items-center justify-center gap-2 rounded-lg border font-medium transition-colors disabled:opacity-50 ${LOOKS[look]} ${SIZES[size]} ${className}`}
      {...rest}
    />
  );
}
