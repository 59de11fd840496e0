"""Image objects of every kind that reaches a clinic, made with pydicom alone; nobody is in them."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    EnhancedXAImageStorage,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
    XRayAngiographicImageStorage,
    XRayRadiofluoroscopicImageStorage,
    generate_uid,
)

STORAGE = {
    "XA": XRayAngiographicImageStorage,
    "RF": XRayRadiofluoroscopicImageStorage,
    "CR": ComputedRadiographyImageStorage,
    "DX": DigitalXRayImageStorageForPresentation,
    "US": UltrasoundImageStorage,
    "US cine": UltrasoundMultiFrameImageStorage,
    "SC": SecondaryCaptureImageStorage,
    "enhanced XA": EnhancedXAImageStorage,
}


def make_image(kind: str, pixels: np.ndarray, **attributes: Any) -> FileDataset:
    """An image of ``kind``: ``(j, i)`` or ``(t, j, i)`` grey, or with 3 colours last and ``colour=True``."""
    colour = attributes.pop("colour", False)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID = STORAGE[kind]
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.Modality = {"US cine": "US", "SC": "OT", "enhanced XA": "XA"}.get(kind, kind)
    dataset.PatientName, dataset.PatientID = "Secret^Name", "ID-4711"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3", f"1.2.3.{list(STORAGE).index(kind)}"
    dataset.InstanceNumber = 1
    dataset.SamplesPerPixel = 3 if colour else 1
    dataset.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        dataset.PlanarConfiguration = 0
    shape = pixels.shape[:-1] if colour else pixels.shape
    if len(shape) == 3:
        dataset.NumberOfFrames = shape[0]
    dataset.Rows, dataset.Columns = shape[-2:]
    bits = pixels.dtype.itemsize * 8
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    data = pixels.tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OB" if bits == 8 else "OW"
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def item(**attributes: Any) -> Sequence:
    """A sequence of one item."""
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return Sequence([dataset])


def region(box: tuple[int, int, int, int], delta: tuple[float, float], **attributes: Any) -> Dataset:
    """A 2D tissue region: ``box`` is left, top, right, bottom; ``delta`` along i and j in cm."""
    made = item(
        RegionSpatialFormat=1,
        RegionDataType=1,
        RegionFlags=0,
        RegionLocationMinX0=box[0],
        RegionLocationMinY0=box[1],
        RegionLocationMaxX1=box[2],
        RegionLocationMaxY1=box[3],
        PhysicalUnitsXDirection=3,
        PhysicalUnitsYDirection=3,
        PhysicalDeltaX=delta[0],
        PhysicalDeltaY=delta[1],
    )[0]
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def ramp(*shape: int, dtype: Any = np.uint8) -> np.ndarray:
    """Values that tell neighbours apart, ``shape``."""
    return (np.arange(np.prod(shape)).reshape(shape) * 7 % 251).astype(dtype)


def saved(dataset: FileDataset, path: Path) -> Path:
    """The object as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def recoded(dataset: FileDataset, path: Path, *command: str) -> Path:
    """The object as DCMTK's ``command`` compresses it: ``dcmcjpeg +e1`` and its like."""
    plain = saved(dataset, path.with_suffix(".plain"))
    subprocess.run([*command, str(plain), str(path)], check=True, capture_output=True)
    plain.unlink()
    return path


def htj2k(dataset: FileDataset, stream: bytes, syntax: str = HTJ2KLossless) -> FileDataset:
    """``dataset`` with ``stream`` for its pixels."""
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([stream])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


def reread(dataset: FileDataset, path: Path) -> FileDataset:
    """As a file gives it back."""
    return dcmread(saved(dataset, path))


HTJ2K_ROWS, HTJ2K_COLUMNS = np.mgrid[:32, :32]
HTJ2K_GREY = ((HTJ2K_ROWS * 37 + HTJ2K_COLUMNS * 11 + HTJ2K_ROWS * HTJ2K_COLUMNS) % 4096).astype(np.uint16)
HTJ2K_SIGNED = (HTJ2K_GREY.astype(np.int32) - 2048).astype(np.int16)
HTJ2K_COLOUR = np.stack(
    [HTJ2K_ROWS * 8, HTJ2K_COLUMNS * 8, (HTJ2K_ROWS + HTJ2K_COLUMNS) * 4], axis=-1
).astype(np.uint8)

# Coded once by OpenJPH 0.2x (through imagecodecs): no encoder is needed where tests run.
HTJ2K_STREAMS = {
    name: base64.b85decode(text)
    for name, text in (
        (
            "grey",
            (
                "|4;u>04YEK0000W0000W00000000000000W0000W0000000000009pH0sl|{2mk^A000XAQUDA90ssL31q1{@0smY86Cj9?k"
                "dTm&kdTm&kdTmwh=~7W02crOPjF>!N>E53R%LP^FfKASE;BCwkN^q*00000`v3v|lfVEb>H7r-bO68r6F>kHKmZc}-u?mybO"
                "4tA0*7<}n*IU@bO68r6TkoyKmZc}$SnK-f>Z#c$^e5@00E=`LsS6302NRG1zZ3DIAj)jq<|>+LRJ7!F~!^Xz(IkWwg3R?fB^"
                "0#0Kfnii~s>?KmZj0ut1r31pp`P=ZFyX9-Jas0H!u2*BwB@<o%3bd(I&N?79E|`u&qTuEqes04?|c1<*hMCWIUi#302yKp+5"
                "s3H|x~KmY(C?Y7#Uk55leN5XOeNCu)X4kS?)rg0uX`2Todf(O502p;`}Aba)@f$XyZ{{MMEMF9WV"
            ),
        ),
        (
            "signed",
            (
                "|4;u>04YEK0000W0000W00000000000000W0000W000000000000EBy0sl|{2mk^A000XAQUDA90ssL31q1{@0smY86Cj9?k"
                "dTm&kdTm&kdTmwh=~7W02crOPjF>!N>E53R%LP^FfKASE;BCwkN^q*00000`v3v|lfVEb>H7l*bO68r6F>kHKmZc}-u?mybO"
                "4tA0*7<}n*IU@bO68r6TkoyKmZc}$SnK-f>Z#c$^e5@00E=`LsS6302NRG1zZ3DIAj)jq<|>+LRJ7!F~!^Xz(IkWwg3R?fB^"
                "0#0Kfnii~s>?KmZj0ut1r31pp`P=ZFyX9-Jas0H!u2*BwB@<o%3bd(I&N?79E|`u&qTuEqes04?|c1<*hMCWIUi#302yKp+5"
                "s3H|x~KmY(C?Y7#Uk55leN5XOeNCu)X4kS?)rg0uX`2Todf(O502p;`}Aba)@f$XyZ{{MMEMF9WV"
            ),
        ),
        (
            "colour",
            (
                "|4;u>053oQ0000W0000W00000000000000W0000W000000000000RdB0S5sA2LS>9Pyh%30ssI21OHM03;+TE0RaUB1V91*T"
                "mTawP*_-4SXfwCSXfwCSWr+<|6~9c00B>MWo}APNFY{aav(4+GBz$VF8`1K3IG5A00Eo;0soW05`gOfhjakI5&-@HV*mia31"
                "9@EwgCrp0PFyVbO68!U<9C%0S9ydkO2pD0Kf@g1fU}UhjaiU0f%$|zzLuPz?${|f^-13{Qv`00Kf^L1i;7f0D^P?NaO$`Q~<"
                "yUpaj5?$N>U$0FaOXLsS633WxzXj4}4AZ~}DzT2;Zx?6m;E3WxzxV~p{tZ~}Dzq7dT100Hc_0Kf`}0aV9v9I9}FbpS{NLH@u"
                "Hf$X*bzzWC#RzyTZMCZV#r>DYr08El3{gQk3N$j`)zzWC#S`iTu5$C|Cr>DYr01yBG0RH{*d-uugxB$Qk*a2t&V~jDz80X4*"
                "dT;`G0HP2=2qFIcfB<{;00Hc}0KgWU0cijL000000Qvs_r>Cc<r>CbveE<Xi0092~cx8L{Uj5g<b?m(Wz!ro7Xn_BJ|9|=aD"
                "e39y>FMd>d;nHeRaO6ZWqbEt{nx*B?7aZM7MuZUfd7C0fB%2^{{W|_r>Cc<r$T)IZriqP+qVCBVJE+2p8b-0_DSr&0RPz"
            ),
        ),
        (
            "lossy",
            (
                "|4;u>04YEK0000W0000W00000000000000W0000W0000000000009pH0sl|{2mk^A001igQUDA90ssL31q1{@0RLP7BO<pLw"
                "(7R(w!E(ZuK=#%r%b0zr(}==kOPoLm(rKgmtp^802crOPjF>!N>E53R%LP^FfKASE;BCwkN^q*00001c>n?blfVE0ILT1q2n"
                "TckzyJX>000v}00A&C=L83I0E*WHhjai6{R0Pd0KfnOssI2LZ~y?DK^TP5)%*a%lmNY;O8)@#{sG3c01*-V0AN%AzyJlY000"
                ");002~gK94Yxw1G^;08=<FImTxq{sN>NQ4yB_LWr1xfI-924K4xk)smTAvHb!N0LKUb(76DbB>R8@^?5b`zyKFX003QN00Ah"
                "Fp2>1G5V&*{D8m34rHo{WfoPcl0Qo@@f#jfglvWV03w;0<a3KhY;0TnU5g-wR@dnHtrXaOPh)brUgs;RM0~i$Pj9^oA1Cv^$"
                "(69mg{)AKjzyKFv003R!Vg?9Lp&F%l0X@ec@ktEQ)1ua4E$u-zjX?Z)|3t6ktMXU!SMpc#D*ToHD~ojj5JZT~5LKDo7hglz5"
                "DoHS9%v**)<~PY6F8A8v|?B8B?td30E7y3!VoFb2tcPyAp)DVtyZ;K)oMEd|Je"
            ),
        ),
    )
}
