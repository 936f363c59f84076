/**
 * An attachment in the place of its reference: the image, a player, or a link, always with type and size.
 */
import type { AttachmentReference } from "@sightline/wire/model/attachment";
import { AudioLines, Download, Film, ImageIcon, type LucideIcon, Paperclip } from "lucide-react";
import { useState } from "react";
import { classNames } from "../components/class-names.ts";
import { attachmentAddress, describeAttachment, type MediaKind, mediaKindOf } from "./attachment-facts.ts";
import styles from "./attachment-view.module.css";
import { useTraceId } from "./trace-id-context.ts";

const icons: Readonly<Record<MediaKind, LucideIcon>> = {
  image: ImageIcon,
  audio: AudioLines,
  video: Film,
  file: Paperclip,
};

/** @param small  among lines of JSON: images are low */
export function AttachmentView({
  reference,
  small,
}: {
  readonly reference: AttachmentReference;
  readonly small?: boolean;
}) {
  const address = attachmentAddress(reference, useTraceId());
  const [failed, setFailed] = useState(false);
  const kind = mediaKindOf(reference.contentType);
  const words = describeAttachment(reference);
  const onError = () => setFailed(true);
  return (
    <figure className={classNames(styles.attachment, small && styles.small)} data-testid="attachment" data-kind={kind}>
      {!failed && kind === "image" && (
        <a className={styles.image} href={address} target="_blank" rel="noopener noreferrer" title="Open the image">
          <img src={address} alt={`Attachment: ${words}`} loading="lazy" decoding="async" onError={onError} />
        </a>
      )}
      {!failed && kind === "audio" && (
        // biome-ignore lint/a11y/useMediaCaption: what agents record comes without captions
        <audio controls preload="metadata" src={address} aria-label={`Attachment: ${words}`} onError={onError} />
      )}
      {!failed && kind === "video" && (
        // biome-ignore lint/a11y/useMediaCaption: what agents record comes without captions
        <video controls preload="metadata" src={address} aria-label={`Attachment: ${words}`} onError={onError} />
      )}
      <figcaption className={styles.caption}>
        <Caption kind={kind} words={words} address={address} />
        <a className={styles.save} href={address} download={reference.attachmentId} aria-label={`Download ${words}`}>
          <Download size={14} strokeWidth={1.5} aria-hidden />
          Download
        </a>
        {failed && (
          <span className={styles.failed} role="status">
            Cannot be shown: it was not uploaded, or is no {kind}.
          </span>
        )}
      </figcaption>
    </figure>
  );
}

/** What it is; of a file a link to it, since nothing else shows it. */
function Caption({
  kind,
  words,
  address,
}: {
  readonly kind: MediaKind;
  readonly words: string;
  readonly address: string;
}) {
  const Icon = icons[kind];
  const content = (
    <>
      <Icon size={14} strokeWidth={1.5} aria-hidden />
      {words}
    </>
  );
  if (kind !== "file") return <span className={styles.words}>{content}</span>;
  return (
    <a className={styles.words} href={address} target="_blank" rel="noopener noreferrer">
      {content}
    </a>
  );
}
