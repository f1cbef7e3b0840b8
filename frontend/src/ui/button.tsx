import { LoaderCircle } from "lucide-react";
import type { ComponentProps, ReactNode } from "react";
import { Link } from "wouter";

const looks = {
  primary: "bg-accent text-on-accent hover:bg-accent-strong",
  secondary: "border border-line-strong bg-raised text-ink hover:bg-hover",
  danger: "bg-bad text-on-accent hover:bg-bad-strong",
  /** Opens a question whose own button is red. */
  "danger-quiet": "border border-line-strong bg-raised text-bad-ink hover:border-bad-ink hover:bg-hover",
  quiet: "text-soft hover:bg-hover hover:text-ink",
};

const shape =
  "relative inline-flex h-fit max-w-full shrink-0 items-center justify-center rounded-box text-center font-medium transition-colors disabled:opacity-55 disabled:pointer-events-none pointer-coarse:min-h-10";

const sizes = { usual: "min-h-8 px-3", small: "min-h-7 px-2" };

export interface ButtonProps extends ComponentProps<"button"> {
  look?: keyof typeof looks;
  size?: keyof typeof sizes;
  /** The button keeps its size and focus, and does nothing. */
  busy?: boolean;
  icon?: ReactNode;
}

export function Button({
  look = "secondary",
  size = "usual",
  busy = false,
  icon,
  className,
  children,
  onClick,
  ...rest
}: ButtonProps) {
  return (
    <button
      type="button"
      data-look={look}
      aria-busy={busy || undefined}
      aria-disabled={busy || undefined}
      {...rest}
      onClick={(event) => {
        if (busy) event.preventDefault();
        else onClick?.(event);
      }}
      className={`${shape} ${sizes[size]} ${looks[look]} ${className ?? ""}`}
    >
      {busy && <LoaderCircle aria-hidden className="absolute size-4 animate-spin" />}
      <span className={`inline-flex items-center gap-1.5 ${busy ? "opacity-0" : ""}`}>
        {icon}
        {/* Also on a translated page, a label changes that is alone in its element. */}
        {typeof children === "string" ? <span>{children}</span> : children}
      </span>
    </button>
  );
}

/** A link that looks like a button. */
export function ButtonLink({ href, children }: { href: string; children: ReactNode }) {
  return (
    <Link href={href} className={`${shape} ${sizes.usual} ${looks.secondary}`}>
      {children}
    </Link>
  );
}

interface IconButtonProps extends ComponentProps<"button"> {
  name: string;
  /** Fits into a line of text. */
  small?: boolean;
}

/** A square button with an icon; `name` is its label. */
export function IconButton({ name, small = false, className, children, ...rest }: IconButtonProps) {
  const size = small
    ? "-my-1 size-7 pointer-coarse:-my-1.5 pointer-coarse:size-8"
    : "size-8 pointer-coarse:size-10";
  return (
    <button
      type="button"
      {...rest}
      aria-label={name}
      className={`inline-flex shrink-0 items-center justify-center rounded-box align-top text-soft transition-colors hover:bg-hover hover:text-ink data-popup-open:bg-hover data-popup-open:text-ink ${size} ${className ?? ""}`}
    >
      {children}
    </button>
  );
}

/** A link that looks like a button and saves what it leads to as a file. */
export function DownloadLink({ href, name, icon, children }: DownloadLinkProps) {
  return (
    <a href={href} download={name} className={`${shape} ${sizes.usual} ${looks.secondary} gap-1.5`}>
      {icon}
      {children}
    </a>
  );
}

interface DownloadLinkProps extends Pick<ButtonProps, "icon" | "children"> {
  href: string;
  /** The name of the file. */
  name: string;
}
