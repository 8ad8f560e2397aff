import { sizeWords } from "../data/size";
import { Icon } from "../ui/Icon";

/** The files that will go with the message, each of which can be taken back. */
export function StagedFiles({ files, onRemove }: { files: readonly File[]; onRemove: (file: File) => void }) {
  if (files.length === 0) return null;
  return (
    <ul className="staged" aria-label="Files to send">
      {files.map((file) => (
        <li key={`${file.name} ${file.size} ${file.lastModified}`}>
          <Icon name="file" />
          <span className="staged-name">{file.name}</span>
          <span className="staged-size">{sizeWords(file.size)}</span>
          <button type="button" className="staged-remove" onClick={() => onRemove(file)}>
            <Icon name="close" />
            <span className="visually-hidden">Do not send {file.name}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
