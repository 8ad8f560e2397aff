/** An e-mail address, which breaks after its @ before it breaks anywhere else. */
export function Address({ email, strong = false }: { email: string; strong?: boolean }) {
  const at = email.lastIndexOf("@") + 1;
  const Tag = strong ? "strong" : "span";
  return (
    <Tag className="address">
      {email.slice(0, at)}
      <wbr />
      {email.slice(at)}
    </Tag>
  );
}
