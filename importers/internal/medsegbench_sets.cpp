#include "importers/internal/medsegbench_sets.h"

#include <algorithm>

namespace slicebank::medsegbench {
namespace {

constexpr Word kKvasir[] = {{"foreground", "polyp"}};
constexpr Word kIsic2018[] = {{"foreground", "skin lesion"}};
constexpr Word kDrive[] = {{"foreground", "retinal vessel"}};
constexpr Word kChasedb1[] = {{"foreground", "retinal vessel"}};
constexpr Word kDca1[] = {{"foreground", "coronary artery"}};
constexpr Word kChuac[] = {{"foreground", "coronary artery"}};
constexpr Word kWbc[] = {{"cytoplasm", ""}, {"nucleus", ""}};
constexpr Word kWbcCategories[] = {
    {"Lymphocyte", ""}, {"Monocyte", ""}, {"Neutrophil", ""}, {"Eosinophil", ""}};
constexpr Word kIdrib[] = {{"foreground", "idrib foreground"}};
constexpr Word kIdribCategories[] = {{"Microaneurysms", ""},
                                     {"Hemorrhages", "retinal hemorrhage"},
                                     {"Hard Exudates", ""},
                                     {"Optic Disc", ""}};
constexpr Word kCellnuclei[] = {{"foreground", "cell nucleus"}};
constexpr Word kPandental[] = {{"foreground", "mandible"}};
constexpr Word kBbbc010[] = {{"foreground", "nematode"}};
constexpr Word kDynamicnuclear[] = {{"foreground", "cell nucleus"}};
constexpr Word kNuset[] = {{"foreground", "cell nucleus"}};
constexpr Word kNuclei[] = {{"foreground", "cell nucleus"}};
constexpr Word kTnbcnuclei[] = {{"foreground", "cell nucleus"}};
constexpr Word kMonusac[] = {{"Epithelial", ""},
                             {"Lymphocyte", ""},
                             {"Macrophage", ""},
                             {"Neutrophil", ""},
                             {"Ambiguous", "monusac ambiguous"}};
constexpr Word kDeepbacs[] = {{"foreground", "bacterium"}};
constexpr Word kBrifiseg[] = {{"foreground", "cell nucleus"}};
constexpr Word kBusi[] = {{"foreground", "breast lesion"}};
constexpr Word kBusiCategories[] = {{"benign", ""}, {"malignant", ""}};
constexpr Word kCovidradio[] = {{"foreground", "lung"}};
constexpr Word kCovidradioCategories[] = {
    {"covid", ""}, {"lung", "lung opacity"}, {"normal", ""}, {"viral pneumonia", ""}};
constexpr Word kCovidquex[] = {{"foreground", "covidquex foreground"}};
constexpr Word kCystoidfluid[] = {{"foreground", "intraretinal fluid"}};
constexpr Word kIsic2016[] = {{"foreground", "skin lesion"}};
constexpr Word kPolypgen[] = {{"foreground", "polyp"}};
constexpr Word kPromise12[] = {{"foreground", "prostate"}};
constexpr Word kRobotool[] = {{"foreground", "surgical instrument"}};
constexpr Word kSkincancer[] = {{"foreground", "skin lesion"}};
constexpr Word kSkincancerCategories[] = {{"melenoma", ""}, {"notmelenoma", "no melanoma"}};
constexpr Word kUltrasoundnerve[] = {{"foreground", "brachial plexus"}};
constexpr Word kUsforkidney[] = {{"foreground", "kidney"}};
constexpr Word kYeaz[] = {{"foreground", "yeast cell"}};
constexpr Word kBkaiIgh[] = {{"neoplastic polyps", ""}, {"non-neoplastic polyps", ""}};
constexpr Word kM2caiseg[] = {{"grasper", ""},
                              {"bipolar", ""},
                              {"hook", ""},
                              {"scissors", ""},
                              {"clipper", ""},
                              {"irrigator", ""},
                              {"specimen-bag", ""},
                              {"trocars", ""},
                              {"clip", ""},
                              {"liver", ""},
                              {"gall-bladder", ""},
                              {"fat", ""},
                              {"organ", "m2caiseg organ"},
                              {"artery", ""},
                              {"intestine", ""},
                              {"bile", ""},
                              {"blood", ""},
                              {"black", "m2caiseg black"}};
constexpr Word kAbdomenus[] = {{"liver", ""},   {"kidney", ""},   {"pancreas", ""},
                               {"vessels", ""}, {"adrenals", ""}, {"gallbladder", ""},
                               {"bones", ""},   {"spleen", ""}};
constexpr Word kFhpsaop[] = {{"pubic symphysis", ""}, {"fetal head", ""}};
constexpr Word kMosmedplus[] = {{"foreground", "covid-19 infection"}};

// clang-format off
constexpr Set kSets[] = {
    {"kvasir", "KvasirMSBench", "endoscopy", "colon",
     "The use of the Kvasir-SEG dataset is restricted for research and educational purposes. "
     "The use of the Kvasir-SEG dataset for commercial purposes is forbidden without prior "
     "written permission.",
     "10.1007/978-3-030-37734-2_37, https://datasets.simula.no/kvasir-seg/",
     {700, 100, 200}, Pixels::binary, kKvasir},
    {"isic2018", "Isic2018MSBench", "dermoscopy", "skin",
     "CC BY-NC 4.0",
     "10.48550/arXiv.1902.03368, 10.1038/sdata.2018.161, "
     "https://challenge.isic-archive.com/data/#2018",
     {2594, 100, 1000}, Pixels::binary, kIsic2018},
    {"drive", "DriveMSBench", "fundus photography", "retina",
     "CC-BY-4.0",
     "10.1109/TMI.2004.825627, https://drive.grand-challenge.org/",
     {18, 2, 20}, Pixels::binary, kDrive},
    {"chasedb1", "ChaseDB1MSBench", "fundus photography", "retina",
     "CC BY 4.0",
     "10.1016/j.bspc.2018.06.007, https://blogs.kingston.ac.uk/retinal/chasedb1/",
     {19, 2, 7}, Pixels::binary, kChasedb1},
    {"dca1", "Dca1MSBench", "X-ray angiography", "heart",
     "This database represents the first set of angiograms and ground-truth images made "
     "accessible to the scientific community for research and comparison purposes",
     "https://doi.org/10.3390/app9245507, "
     "http://personal.cimat.mx:8181/~ivan.cruz/DB_Angiograms.html",
     {93, 13, 28}, Pixels::binary, kDca1},
    {"chuac", "ChuacMSBench", "X-ray angiography", "heart",
     "CC BY 4.0",
     "https://figshare.com/s/4d24cf3d14bc901a94bf",
     {21, 3, 6}, Pixels::binary, kChuac},
    {"wbc", "WbcMSBench", "blood cell microscope", "",
     "CC BY 4.0",
     "10.1016/j.micron.2018.01.010, 10.1016/j.cmpb.2019.105020",
     {280, 40, 80}, Pixels::classes, kWbc, Categories::subsets, kWbcCategories},
    {"idrib", "IdribMSBench", "fundus photography", "retina",
     "CC BY 4.0",
     "10.3390/data3030025, 10.21227/H25W98",
     {47, 6, 27}, Pixels::binary, kIdrib, Categories::layers, kIdribCategories},
    {"cellnuclei", "CellnucleiMSBench", "microscopy", "",
     "CC0",
     "10.1038/s41592-019-0612-7, "
     "https://www.kaggle.com/competitions/data-science-bowl-2018/data",
     {469, 67, 134}, Pixels::binary, kCellnuclei},
    {"pandental", "PandentalMSBench", "panoramic X-ray", "dental",
     "CC BY 4.0",
     "10.1117/1.JMI.2.4.044003, 10.17632/hxt48yk462.1",
     {81, 11, 24}, Pixels::binary, kPandental},
    {"bbbc010", "Bbbc010MSBench", "microscopy", "",
     "Does not have copyright information",
     "https://bbbc.broadinstitute.org/BBBC010, 10.1038/nmeth.2083",
     {70, 10, 20}, Pixels::binary, kBbbc010},
    {"dynamicnuclear", "DynamicNuclearMSBench", "fluorescence microscopy", "",
     "Modified Apache 2.0",
     "10.1371/journal.pcbi.1005177, https://datasets.deepcell.org/data",
     {4950, 1417, 717}, Pixels::binary, kDynamicnuclear},
    {"nuset", "NusetMSBench", "fluorescence microscopy", "",
     "CC BY 4.0",
     "10.1371/journal.pcbi.1008193, 10.5281/zenodo.3996369",
     {2385, 340, 683}, Pixels::binary, kNuset},
    {"nuclei", "NucleiMSBench", "histopathology", "",
     "BSD-3",
     "10.4103/2153-3539.186902, https://andrewjanowczyk.com/use-case-1-nuclei-segmentation/",
     {98, 14, 29}, Pixels::binary, kNuclei},
    {"tnbcnuclei", "TnbcnucleiMSBench", "histopathology", "",
     "CC BY 4.0",
     "10.1109/TMI.2018.2865709, https://zenodo.org/records/2579118",
     {35, 5, 10}, Pixels::binary, kTnbcnuclei},
    {"monusac", "MonusacMSBench", "histopathology", "",
     "CC BY-NC-SA 4.0",
     "10.1109/TMI.2021.3085712, https://monusac-2020.grand-challenge.org/Data/",
     {188, 21, 101}, Pixels::classes, kMonusac},
    {"deepbacs", "DeepbacsMSBench", "microscopy", "",
     "CC BY 4.0",
     "10.1038/s42003-022-03634-z, 10.5281/zenodo.5550934",
     {17, 2, 15}, Pixels::binary, kDeepbacs},
    {"brifiseg", "BriFiSegMSBench", "microscopy", "",
     "CC BY 4.0",
     "https://arxiv.org/pdf/2211.03072, https://zenodo.org/records/7195636",
     {1005, 115, 240}, Pixels::binary, kBrifiseg},
    {"busi", "BusiMSBench", "ultrasound", "breast",
     "CC0: Public Domain",
     "10.1016/j.dib.2019.104863, "
     "https://www.kaggle.com/datasets/aryashah2k/breast-ultrasound-images-dataset",
     {452, 64, 131}, Pixels::binary, kBusi, Categories::subsets, kBusiCategories},
    {"covid19radio", "Covid19RadioMSBench", "chest X-ray", "chest",
     "Academic/Non-Commercial Use",
     "10.1109/ACCESS.2020.3010287, 10.1016/j.compbiomed.2021.104319, "
     "https://www.kaggle.com/datasets/tawsifurrahman/covid19-radiography-database",
     {14814, 2115, 4236}, Pixels::binary, kCovidradio, Categories::subsets, kCovidradioCategories},
    {"covidquex", "CovidQUExMSBench", "chest X-ray", "chest",
     "CC BY-SA 4.0",
     "10.1016/j.compbiomed.2021.105002, 10.34740/kaggle/dsv/3122958, "
     "10.1016/j.compbiomed.2021.104319, 10.1007/s13755-021-00146-8, "
     "10.1109/ACCESS.2020.3010287, https://www.kaggle.com/datasets/anasmohammedtahir/covidqu",
     {1864, 466, 583}, Pixels::binary, kCovidquex},
    {"cystoidfluid", "CystoFluidMSBench", "OCT", "retina",
     "CC BY-NC-SA 4.0",
     "10.1109/TMI.2021.3057884, 10.34740/KAGGLE/DS/2277068, https://doi.org/10.1002/ima.22662",
     {703, 101, 202}, Pixels::binary, kCystoidfluid},
    {"isic2016", "Isic2016MSBench", "dermoscopy", "skin",
     "CC BY-NC 4.0",
     "10.1109/ISBI.2018.8363547, https://challenge.isic-archive.com/data/#2016",
     {810, 90, 379}, Pixels::binary, kIsic2016},
    {"polypgen", "PolypGenMSBench", "endoscopy", "colon",
     "CC BY 4.0",
     "10.48550/arXiv.2202.12031, 10.1016/j.media.2021.102002",
     {984, 140, 288}, Pixels::binary, kPolypgen},
    {"promise12", "Promise12MSBench", "MR", "prostate",
     "Does not have copyright information",
     "10.1016/j.media.2013.12.002, 10.5281/zenodo.8014040",
     {1031, 147, 295}, Pixels::binary, kPromise12},
    {"robotool", "RoboToolMSBench", "endoscopy", "",
     "CC BY 4.0.",
     "10.1109/TMI.2021.3057884, https://www.synapse.org/Synapse:syn22427422, arXiv.1902.06426",
     {350, 50, 100}, Pixels::binary, kRobotool},
    {"uwaterlooskincancer", "UWSkinCancerMSBench", "photography", "skin",
     "Non-commercial use",
     "https://uwaterloo.ca/vision-image-processing-lab/research-demos/skin-cancer-detection",
     {143, 19, 44}, Pixels::binary, kSkincancer, Categories::subsets, kSkincancerCategories},
    {"ultrasoundnerve", "UltrasoundNerveMSBench", "ultrasound", "neck",
     "Does not have copyright information",
     "https://www.kaggle.com/competitions/ultrasound-nerve-segmentation/overview",
     {1651, 223, 449}, Pixels::binary, kUltrasoundnerve},
    {"usforkidney", "USforKidneyMSBench", "ultrasound", "kidney",
     "GPL 2",
     "10.1016/j.ultras.2022.106706, "
     "https://www.kaggle.com/datasets/siatsyx/ct2usforkidneyseg/data",
     {3210, 458, 918}, Pixels::binary, kUsforkidney},
    {"yeaz", "YeazMSBench", "microscopy", "",
     "Does not have copyright information",
     "10.1038/s41467-020-19557-4, https://www.epfl.ch/labs/lpbs/data-and-software/",
     {360, 96, 251}, Pixels::binary, kYeaz},
    {"bkai-igh", "BkaiIghMSBench", "endoscopy", "colon",
     "BKAI-IGH NeoPolyp-Small is a public dataset released by BKAI Research Center, Hanoi "
     "University of Science and Technology incorporation with Institute of Gastroenterology "
     "and Hepatology (IGH), Vietnam.",
     "10.1007/978-3-030-90436-4_2, 10.1109/ACCESS.2022.3195241, arXiv:2307.06420, "
     "10.1109/ACCESS.2022.3168693",
     {700, 100, 200}, Pixels::classes, kBkaiIgh},
    {"m2caiseg", "M2caiSegMSBench", "laparoscopy", "abdomen",
     "CC BY-NC 4.0",
     "https://doi.org/10.48550/arXiv.2008.10134, "
     "https://www.kaggle.com/datasets/salmanmaq/m2caiseg",
     {245, 307, 62}, Pixels::classes, kM2caiseg, Categories::none, {}, false},
    {"abdomenus", "AbdomenUSMSBench", "ultrasound", "abdomen",
     "This dataset has been publicly released after winning a Kaggle Open Data Research Grant.",
     "10.1007/s11548-019-02046-5, "
     "https://www.kaggle.com/datasets/ignaciorlando/ussimandsegm/data",
     {569, 64, 293}, Pixels::classes, kAbdomenus},
    {"fhpsaop", "FHPsAOPMSBench", "ultrasound", "fetal",
     "CC BY-NC 4.0",
     "10.1016/j.dib.2022.107904, 10.5281/zenodo.7851338",
     {2800, 400, 800}, Pixels::classes, kFhpsaop},
    {"mosmedplus", "MosMedPlusMSBench", "CT", "chest",
     "CC BY-NC-ND 3.0",
     "10.48550/arXiv.2005.06465, https://figshare.com/authors/MedSeg/9940190, "
     "https://www.kaggle.com/datasets/maedemaftouni/covid19-ct-scan-lesion-segmentation-dataset",
     {1910, 272, 547}, Pixels::binary, kMosmedplus}};
// clang-format on

}  // namespace

const Set* find_set(std::string_view flag) {
  const auto found = std::find_if(std::begin(kSets), std::end(kSets),
                                  [&](const Set& set) { return set.flag == flag; });
  return found == std::end(kSets) ? nullptr : &*found;
}

}  // namespace slicebank::medsegbench
